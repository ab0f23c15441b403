package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// What the scripts answer.
const (
	replyKept     = "kept"
	replyExists   = "exists"
	replyFull     = "full"
	replyMissing  = "missing"
	replyConflict = "conflict"
)

// refusals are the errors of the answers that keep nothing.
var refusals = map[string]error{
	replyExists:   pending.ErrExists,
	replyFull:     pending.ErrFull,
	replyMissing:  pending.ErrNotFound,
	replyConflict: pending.ErrConflict,
}

// errMalformed: what answers is no Redis that runs our scripts.
var errMalformed = errors.New("malformed answer of a script")

// verdict returns the error of an answer.
func verdict(reply string) error {
	if reply == replyKept {
		return nil
	}
	if err, ok := refusals[reply]; ok {
		return err
	}
	return fmt.Errorf("%w: %w", pending.ErrUnavailable, errMalformed)
}

// fetch returns what a script finds, and when that was by the server's clock, or ErrNotFound.
func (s *Store) fetch(ctx context.Context, doing string, script command) (held string, readAt time.Time, err error) {
	got, err := s.call(ctx, doing, script)
	if err != nil {
		return "", time.Time{}, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields) < 2 {
		return "", time.Time{}, s.unavailable(ctx, doing, errMalformed)
	}
	if len(fields) == 2 {
		return "", time.Time{}, pending.ErrNotFound
	}
	readAt, err = serverTime(fields[0], fields[1])
	return fields[2], readAt, s.unavailable(ctx, doing, err)
}

// settle runs a script that keeps something or says why it does not.
func (s *Store) settle(ctx context.Context, doing string, script command) error {
	got, err := s.call(ctx, doing, script)
	if err != nil {
		return err
	}
	reply, err := got.ToString()
	if err != nil {
		return s.unavailable(ctx, doing, err)
	}
	return verdict(reply)
}

// Create implements [pending.Store].
func (s *Store) Create(ctx context.Context, r *pending.Record, b pending.Bounds) (evicted []string, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	data, err := pending.Encode(r)
	if err != nil {
		return nil, err
	}
	got, err := s.call(ctx, "creating record", eval(s.scripts.create, s.keys.ledger,
		r.ID, s.sealer.name(clientName, r.Client), strconv.Itoa(b.Total), strconv.Itoa(b.PerClient),
		millis(r.ExpiresAt), millis(r.KeepUntil()), standing(r), s.sealer.seal(s.recordPlace(r.ID, 1), data)))
	if err != nil {
		return nil, err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) == 0 {
		return nil, s.unavailable(ctx, "creating record", errMalformed)
	}
	if err := verdict(reply[0]); err != nil {
		return nil, err
	}
	r.Version = 1
	return reply[1:], nil
}

// Load implements [pending.Store].
func (s *Store) Load(ctx context.Context, id string) (*pending.Record, error) {
	const doing = "loading record"
	held, readAt, err := s.fetch(ctx, doing, eval(s.scripts.loadRecord, []string{s.keys.records}, id))
	if err != nil {
		return nil, err
	}
	r, err := s.openRecord(id, held)
	if err != nil {
		return nil, s.unavailable(ctx, doing, err)
	}
	r.ReadAt = readAt
	if !s.config.Now().Before(r.KeepUntil()) {
		return nil, pending.ErrNotFound
	}
	return r, nil
}

// openRecord reads what ledger.lua calls a record: "version client serial keep sealed".
func (s *Store) openRecord(id, held string) (*pending.Record, error) {
	fields := strings.SplitN(held, " ", 5)
	if len(fields) != 5 {
		return nil, ErrUnreadable
	}
	version, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return nil, ErrUnreadable
	}
	data, err := s.sealer.open(s.recordPlace(id, version), fields[4])
	if err != nil {
		return nil, err
	}
	r, err := pending.Decode(data)
	if err != nil {
		return nil, err
	}
	r.ID, r.Version = id, version
	return r, nil
}

// Update implements [pending.Store].
func (s *Store) Update(ctx context.Context, r *pending.Record) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	data, err := pending.Encode(r)
	if err != nil {
		return err
	}
	next := r.Version + 1
	if err := s.settle(ctx, "updating record", eval(s.scripts.update, s.keys.ledger,
		r.ID, strconv.FormatUint(r.Version, 10), strconv.FormatUint(next, 10),
		millis(r.ExpiresAt), millis(r.KeepUntil()), standing(r), s.sealer.seal(s.recordPlace(r.ID, next), data))); err != nil {
		return err
	}
	r.Version = next
	return nil
}

// Len implements [pending.Store].
func (s *Store) Len(ctx context.Context) (int, error) {
	got, err := s.call(ctx, "counting records", eval(s.scripts.count, s.keys.ledger))
	if err != nil {
		return 0, err
	}
	n, err := got.ToInt64()
	return int(n), s.unavailable(ctx, "counting records", err)
}

func (s *Store) recordPlace(id string, version uint64) place {
	return place{key: s.keys.records, name: id, version: version}
}

// standing says what ledger.lua has to know of a record's phase.
func standing(r *pending.Record) string {
	switch {
	case r.Phase.Ended():
		return "over"
	case r.Returned():
		return "returned"
	default:
		return "unreturned"
	}
}

// millis returns a time in Unix milliseconds, for a script.
func millis(t time.Time) string { return strconv.FormatInt(max(t.UnixMilli(), 0), 10) }
