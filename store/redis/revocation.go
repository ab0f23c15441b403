package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// revocations is the [store.Revocations] of a [Store].
type revocations struct {
	*connection
	known store.RevocationSet      // the copy of the list
	list  position                 // how far it was read; belongs to syncUntilClosed
	read  atomic.Pointer[position] // a copy of list, for Mark
}

// Revoke implements [store.Revocations]. When it returns nil, this replica refuses already,
// and every other does within [Config.Staleness].
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
	at, err := r.publish(ctx, []store.Revocation{v})
	if err != nil {
		return err
	}
	return r.known.Add(v, at.mark(), now)
}

// extend lets a revocation cover what a replica that does not know of it yet makes from a credential:
// the caller reckons with [store.MaxStaleness], and the configuration may allow more.
func (r *revocations) extend(v store.Revocation) store.Revocation {
	more := r.config.Staleness - store.MaxStaleness
	v.Until = v.Until.Add(more)
	if !v.IssuedUntil.IsZero() {
		v.IssuedUntil = v.IssuedUntil.Add(more)
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
	return r.read.Load().mark().String(), nil
}

// mark returns how far a list was read.
func (p position) mark() store.Mark {
	number, err := strconv.ParseFloat(p.last, 64) // a score of Redis, which is below 2^53
	if err != nil || len(p.epoch) < store.EpochSize {
		return store.Mark{}
	}
	return store.Mark{Epoch: p.epoch[:store.EpochSize], Number: uint64(number)}
}

// publish adds revocations to the list in Redis. It makes a list if there is none, and returns the
// place of the last one added.
func (r *revocations) publish(ctx context.Context, added []store.Revocation) (at position, err error) {
	args := []string{rand.Text()}
	for _, v := range added {
		data := encodeRevocation(v)
		// The same revocation has the same name, whichever replica adds it.
		name := r.sealer.name(revocationName, string(data))
		args = append(args, name, millis(v.Until), r.sealer.seal(r.revocationPlace(name), data))
	}
	got, err := r.try(ctx, "revoking", eval(r.scripts.revoke, r.keys.revoke, args...))
	if err != nil {
		return position{}, err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) != 2 {
		return position{}, r.unavailable(ctx, "revoking", errMalformed)
	}
	return position{epoch: reply[0], last: reply[1]}, nil
}

func (r *revocations) revocationPlace(name string) place {
	return place{key: r.keys.revocations, name: name}
}

// encodeRevocation returns a revocation as bytes. Times are those that it is compared
// by: the issue in whole seconds, which are zero where it refuses all.
func encodeRevocation(v store.Revocation) []byte {
	var issuedUntil int64
	if !v.IssuedUntil.IsZero() {
		issuedUntil = v.IssuedUntil.Unix()
	}
	b := []byte{byte(v.Scope)}
	b = binary.AppendVarint(b, issuedUntil)
	b = binary.AppendVarint(b, v.Until.UnixNano())
	return append(b, v.ID...)
}

// decodeRevocation reads what encodeRevocation wrote.
func decodeRevocation(data []byte) (store.Revocation, error) {
	if len(data) == 0 {
		return store.Revocation{}, ErrUnreadable
	}
	issuedUntil, n := binary.Varint(data[1:])
	until, m := binary.Varint(data[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return store.Revocation{}, ErrUnreadable
	}
	v := store.Revocation{Scope: store.Scope(data[0]), ID: string(data[1+n+m:]), Until: time.Unix(0, until).UTC()}
	if issuedUntil != 0 {
		v.IssuedUntil = time.Unix(issuedUntil, 0).UTC()
	}
	return v, nil
}

// openRevocation reads one entry of the list.
func (r *revocations) openRevocation(name, sealed string) (store.Revocation, error) {
	data, err := r.sealer.open(r.revocationPlace(name), sealed)
	if err != nil {
		return store.Revocation{}, fmt.Errorf("opening revocation: %w", err)
	}
	return decodeRevocation(data)
}
