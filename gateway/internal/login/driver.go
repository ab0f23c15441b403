package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// cancelTimeout bounds a cancel that no client waits for.
	cancelTimeout = 15 * time.Second
	// MaxCancels bounds the cancels under way that no client waits for; more are left to expire.
	MaxCancels = 64
)

// driver makes every change of a login: it loads the record, lets [transition] decide, and has the
// store compare and set. The effects that take a code or a session to Signicat are a [holder]'s.
type driver struct {
	config   *Config
	signicat *breaker
	changes  changes

	work    tasks // finishes, reads and cancels that outlive their request
	closing context.Context
	cancels chan struct{} // bounds the cancels under way
}

// find loads the record of a state. The look-up by hash is the comparison of the state; the second
// one makes it independent of what a store takes for equal.
func (d *driver) find(ctx context.Context, state string) (*store.Record, error) {
	id := SessionID(state)
	record, err := d.config.Store.Load(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if subtle.ConstantTimeCompare([]byte(record.ID), []byte(id)) != 1 {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	return record, nil
}

// look loads a record by its public name, and ends one whose time is over.
func (d *driver) look(ctx context.Context, id string) (*store.Record, error) {
	for {
		record, err := d.config.Store.Load(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrUnknown
		}
		if err != nil {
			return nil, storeError(err)
		}
		if _, err = d.apply(ctx, record, event{kind: eventLook}, record.ReadAt); err == nil {
			return record, nil
		}
		if !lostRace(err) {
			return nil, err
		}
	}
}

// apply changes a record by an event, and returns what its caller is to do then. A change that another
// call made first is [store.ErrConflict]. On an error the record stays as it was.
func (d *driver) apply(ctx context.Context, record *store.Record, e event, now time.Time) (effect, error) {
	next, effect, err := transition(record, e, now)
	if err != nil {
		return effectNone, err
	}
	if next != record {
		if err := d.config.Store.Update(ctx, next); err != nil {
			return effectNone, storeError(err)
		}
		before := record.Phase
		*record = *next
		d.changes.announce(record.ID)
		d.report(ctx, before, record)
	}
	if effect == effectCancelAtSignicat {
		d.cancelLater(ctx, record.SignicatID)
	}
	return effect, nil
}

// report logs and counts a step that is in the store.
func (d *driver) report(ctx context.Context, before store.Phase, record *store.Record) {
	observe := d.config.Observe
	switch {
	case record.Phase == before:
	case record.Phase.Ended():
		logEnd(ctx, d.config.Logger, record)
		observe.Ended(record)
	case record.Phase == store.Validating:
		observe.Returned(record)
	case record.Phase == store.Validated:
		observe.Validated(record)
	}
}

// clock returns the store's clock, by a record that was just loaded. Replicas pass a login on to
// each other within seconds, and their own clocks differ by more.
func (d *driver) clock(record *store.Record) func() time.Time {
	ahead := record.ReadAt.Sub(d.config.Now())
	return func() time.Time { return d.config.Now().Add(ahead) }
}

// lostRace reports whether another call changed or ended the record first: look again.
func lostRace(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)
}

// cancelLater cancels a session at Signicat that no client will finish. It is a courtesy to the
// user, whose phone would otherwise still ask: a failure is left to the session's expiry.
func (d *driver) cancelLater(ctx context.Context, signicatID string) {
	select {
	case d.cancels <- struct{}{}:
	default:
		return
	}
	d.after(ctx, cancelTimeout, func(ctx context.Context) {
		defer func() { <-d.cancels }()
		if err := d.signicat.CancelSession(ctx, signicatID); err != nil {
			d.config.Logger.DebugContext(ctx, "cancelling at Signicat", errorAttr(err))
		}
	})
}
