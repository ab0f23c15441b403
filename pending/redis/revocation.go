package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Revoke implements [pending.Store]. When it returns nil, this replica refuses already,
// and every other does within [MaxStaleness].
func (s *Store) Revoke(ctx context.Context, v pending.Revocation) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := v.Validate(); err != nil {
		return err
	}
	now := s.config.Now()
	if !v.Until.After(now) {
		return nil
	}
	at, err := s.publish(ctx, []pending.Revocation{v})
	if err != nil {
		return err
	}
	return s.revoked.Add(v, at.mark(), now)
}

// Revoked implements [pending.Store]. It answers from the copy, without a round trip.
func (s *Store) Revoked(ctx context.Context, c pending.Credential) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	return s.revoked.Cover(c, s.config.Now), nil
}

// Mark implements [pending.Store].
func (s *Store) Mark(ctx context.Context) (string, error) {
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	return s.read.Load().mark().String(), nil
}

// mark returns how far a list was read.
func (l list) mark() pending.Mark {
	number, err := strconv.ParseFloat(l.last, 64) // a score of Redis, which is below 2^53
	if err != nil || len(l.epoch) < pending.EpochSize {
		return pending.Mark{}
	}
	return pending.Mark{Epoch: l.epoch[:pending.EpochSize], Number: uint64(number)}
}

// publish adds revocations to the list in Redis. It makes a list if there is none, and returns the
// place of the last one added.
func (s *Store) publish(ctx context.Context, added []pending.Revocation) (at list, err error) {
	args := []string{rand.Text()}
	for _, v := range added {
		data := encodeRevocation(v)
		// The same revocation has the same name, whichever replica adds it.
		name := s.sealer.name(revocationName, string(data))
		args = append(args, name, millis(v.Until), s.sealer.seal(s.revocationPlace(name), data))
	}
	got, err := s.try(ctx, "revoking", eval(s.scripts.revoke, s.keys.revoke, args...))
	if err != nil {
		return list{}, err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) != 2 {
		return list{}, s.unavailable(ctx, "revoking", errMalformed)
	}
	return list{epoch: reply[0], last: reply[1]}, nil
}

func (s *Store) revocationPlace(name string) place {
	return place{key: s.keys.revocations, name: name}
}

// encodeRevocation returns a revocation as bytes. Times are those that it is compared
// by: the issue in whole seconds, which are zero where it refuses all.
func encodeRevocation(v pending.Revocation) []byte {
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
func decodeRevocation(data []byte) (pending.Revocation, error) {
	if len(data) == 0 {
		return pending.Revocation{}, ErrUnreadable
	}
	issuedUntil, n := binary.Varint(data[1:])
	until, m := binary.Varint(data[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return pending.Revocation{}, ErrUnreadable
	}
	v := pending.Revocation{Scope: pending.Scope(data[0]), ID: string(data[1+n+m:]), Until: time.Unix(0, until).UTC()}
	if issuedUntil != 0 {
		v.IssuedUntil = time.Unix(issuedUntil, 0).UTC()
	}
	return v, nil
}

// openRevocation reads one entry of the list.
func (s *Store) openRevocation(name, sealed string) (pending.Revocation, error) {
	data, err := s.sealer.open(s.revocationPlace(name), sealed)
	if err != nil {
		return pending.Revocation{}, fmt.Errorf("opening revocation: %w", err)
	}
	return decodeRevocation(data)
}
