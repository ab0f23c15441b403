package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// cancelTimeout bounds a cancel that no client waits for.
	cancelTimeout = 15 * time.Second
	// MaxCancels bounds the cancels under way for which no client waits. Beyond that, sessions expire by
	// themselves.
	MaxCancels = 64
)

// driver makes every change of a login. It loads the record, applies an event with [transition], and stores
// the result by compare-and-set. A [leaseHolder] performs the other effects: validate, read and issue.
type driver struct {
	config   *Config
	signicat *breaker
	changes  changes

	work    tasks // finishes, reads and cancels that may outlive their request
	closing context.Context
	cancels chan struct{} // bounds the cancels under way
}

// apply changes a record by an event and returns the effect for its caller to perform. It returns
// [store.ErrConflict] when another call changed the record first. After an error the record is unchanged.
func (d *driver) apply(ctx context.Context, record *store.Record, e event, now time.Time) (effect, error) {
	next, effect, err := transition(record, e, now)
	if err != nil {
		return effectNone, err
	}
	return d.keep(ctx, record, next, effect)
}

// claim presents a code, by a client with that key. If that makes the caller the lease holder, the same change of the
// record has the time at which the code is sent. It is stored before the code is sent: the replica may die.
func (d *driver) claim(ctx context.Context, record *store.Record, code [sha256.Size]byte, key string, now time.Time) (effect, error) {
	next, effect, err := transition(record, event{kind: eventPresent, code: code, key: key}, now)
	if err == nil && effect == effectValidate {
		next, effect, err = transition(next, event{kind: eventSend}, now)
	}
	if err != nil {
		return effectNone, err
	}
	return d.keep(ctx, record, next, effect)
}

// keep stores the record that a transition made, and returns the effect for its caller to perform.
func (d *driver) keep(ctx context.Context, record, next *store.Record, then effect) (effect, error) {
	if next != record {
		if err := d.config.Store.Update(ctx, next); err != nil {
			return effectNone, storeError(err)
		}
		before := record.Phase
		*record = *next
		d.changes.announce(record.ID)
		d.report(ctx, before, record)
	}
	if then == effectCancelAtSignicat {
		d.cancelLater(ctx, record.SignicatID)
	}
	return then, nil
}

// report logs and counts the phase change that was just stored.
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

// clock estimates the store's clock from ReadAt of a fresh record. Leases last seconds, and replicas' clocks
// may differ by more.
func (d *driver) clock(record *store.Record) func() time.Time {
	ahead := record.ReadAt.Sub(d.config.Now())
	return func() time.Time { return d.config.Now().Add(ahead) }
}

// lostRace reports whether another call changed or ended the record first. The caller loads it again.
func lostRace(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)
}

// cancelLater cancels a session at Signicat that no client will finish, so that the user's phone stops
// asking. After a failure the session expires.
func (d *driver) cancelLater(ctx context.Context, signicatID string) {
	select {
	case d.cancels <- struct{}{}:
	default:
		return
	}
	d.runDetached(ctx, cancelTimeout, func(ctx context.Context) {
		defer func() { <-d.cancels }()
		if err := d.signicat.CancelSession(ctx, signicatID); err != nil {
			d.config.Logger.DebugContext(ctx, "a session could not be cancelled at Signicat", errorAttr(err))
		}
	})
}
