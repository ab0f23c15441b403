package redis

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// revocations is the [store.Revocations] of a [Store].
type revocations struct {
	*connection
	known  store.RevocationSet        // the copy of the lists
	lists  map[segment]*list          // how far each was read; belongs to syncUntilClosed
	marked atomic.Pointer[store.Mark] // for Mark
	epoch  atomic.Pointer[string]     // what revocations of subjects are sealed for
	unseen unseen
	canary canary
	restorer
}

func newRevocations(c *connection, reseal *resealer) revocations {
	return revocations{
		connection: c,
		lists:      make(map[segment]*list),
		unseen:     unseen{all: make(map[revocationID]added)},
		canary:     canary{connection: c, resealer: reseal},
	}
}

// Revoke implements [store.Revocations]. When it returns nil, this replica refuses already,
// and every other does within [Config.Staleness]. Where standbys are connected, they have it.
func (r *revocations) Revoke(ctx context.Context, v store.Revocation) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := v.Validate(); err != nil {
		return err
	}
	now := r.config.Now()
	if !v.Until.After(now) {
		return nil
	}
	v = r.extend(v)
	return r.add(ctx, store.Listed{Revocation: v, List: uint32(segmentOf(v, now))})
}

// Confirm implements [store.Revocations]. It adds the revocation again, which changes nothing while it
// is there.
func (r *revocations) Confirm(ctx context.Context, v store.Revocation) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := v.Validate(); err != nil {
		return err
	}
	held, ok := r.known.Find(v.Scope, v.ID)
	if !ok {
		return nil
	}
	if held.List == 0 {
		held.List = uint32(segmentOf(held.Revocation, r.config.Now()))
	}
	return r.add(ctx, held)
}

// add publishes a revocation and has this replica refuse by it, confirmed or not.
func (r *revocations) add(ctx context.Context, v store.Listed) error {
	held, ok := r.known.Find(v.Scope, v.ID)
	r.unseen.begin(v, ok && includes(held.Revocation, v.Revocation))
	at, err := r.publish(ctx, []store.Listed{v}, r.confirmed)
	if v.At.Number == 0 {
		v.At = at
	}
	r.unseen.end(v, err == nil || isUnconfirmed(err))
	if err != nil && !isUnconfirmed(err) {
		return err
	}
	if failed := r.known.Add(v, r.config.Now()); failed != nil {
		return failed
	}
	return err
}

// extend lets a revocation cover what a replica that does not know of it yet makes from a credential:
// the caller reckons with [store.MaxStaleness], and the configuration may allow more.
func (r *revocations) extend(v store.Revocation) store.Revocation {
	more := r.config.Staleness - store.MaxStaleness
	v.Until = v.Until.Add(more)
	if !v.IssuedUntil.IsZero() {
		// In whole seconds, as Redis keeps it: otherwise a look would not find all of it again, and take it for lost.
		v.IssuedUntil = v.IssuedUntil.Add(more).Truncate(time.Second)
	}
	return v
}

// Revoked implements [store.Revocations]. It answers from the copy, without a round trip.
func (r *revocations) Revoked(ctx context.Context, c store.Credential) (bool, error) {
	if err := r.readyWithin(ctx, r.config.Staleness); err != nil {
		return false, err
	}
	return r.known.Covers(c, r.config.Now), nil
}

// Mark implements [store.Revocations].
func (r *revocations) Mark(ctx context.Context) (string, error) {
	if err := r.ready(ctx); err != nil {
		return "", err
	}
	if mark := r.marked.Load(); mark != nil {
		return mark.String(), nil
	}
	return "", nil
}
