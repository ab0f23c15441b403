package store

import (
	"context"
	"sync/atomic"
)

// memoryRevocations implements [Revocations] for a [Memory].
type memoryRevocations struct {
	*memoryState
	revoked RevocationSet
	epoch   string        // of this process
	number  atomic.Uint64 // of the last revocation
}

// Revoke implements [Revocations].
func (r *memoryRevocations) Revoke(ctx context.Context, v Revocation) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	return r.revoked.Add(Listed{Revocation: v, At: Mark{r.epoch, r.number.Add(1)}}, r.now())
}

// Confirm implements [Revocations]. What one process holds has no second place.
func (r *memoryRevocations) Confirm(ctx context.Context, _ Revocation) error { return r.ready(ctx) }

// Mark implements [Revocations].
func (r *memoryRevocations) Mark(ctx context.Context) (string, error) {
	if err := r.ready(ctx); err != nil {
		return "", err
	}
	return Mark{r.epoch, r.number.Load()}.String(), nil
}

// Revoked implements [Revocations].
func (r *memoryRevocations) Revoked(ctx context.Context, c Credential) (bool, error) {
	if err := r.ready(ctx); err != nil {
		return false, err
	}
	return r.revoked.Covers(c, r.now), nil
}
