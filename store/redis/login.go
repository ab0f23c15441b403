package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
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
	replyExists:   store.ErrExists,
	replyFull:     store.ErrFull,
	replyMissing:  store.ErrNotFound,
	replyConflict: store.ErrConflict,
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
	return fmt.Errorf("%w: %w", store.ErrUnavailable, errMalformed)
}

// logins is the [store.Logins] of a [Store].
type logins struct{ *connection }

// Create implements [store.Logins].
func (l logins) Create(ctx context.Context, r *store.Record, b store.Bounds) (evicted []string, err error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	data, err := store.Encode(r)
	if err != nil {
		return nil, err
	}
	asked := l.config.Now()
	got, err := l.call(ctx, "creating record", eval(l.scripts.create, l.keys.quota,
		r.ID, l.sealer.name(clientName, r.Client), strconv.Itoa(b.Total), strconv.Itoa(b.PerClient),
		millis(r.ExpiresAt), millis(r.KeepUntil()), state(r), l.sealer.seal(l.recordPlace(r.ID, 1), data)))
	if err != nil {
		return nil, err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) == 0 {
		return nil, l.unavailable(ctx, "creating record", errMalformed)
	}
	if err := verdict(reply[0]); err != nil {
		return nil, err
	}
	if len(reply) < 3 {
		return nil, l.unavailable(ctx, "creating record", errMalformed)
	}
	if _, err := l.readTime(asked, reply[1], reply[2]); err != nil {
		return nil, l.unavailable(ctx, "creating record", err)
	}
	r.Version = 1
	return reply[3:], nil
}

// Load implements [store.Logins].
func (l logins) Load(ctx context.Context, id string) (*store.Record, error) {
	const doing = "loading record"
	held, readAt, err := l.fetch(ctx, doing, eval(l.scripts.loadRecord, []string{l.keys.records}, id))
	if err != nil {
		return nil, err
	}
	r, err := l.openRecord(id, held)
	if err != nil {
		return nil, l.unavailable(ctx, doing, err)
	}
	r.ReadAt = readAt
	r.Reduce(readAt)
	if !l.config.Now().Before(r.KeepUntil()) {
		return nil, store.ErrNotFound
	}
	return r, nil
}

// openRecord reads what quota.lua calls a record: "version client serial keep sealed".
func (l logins) openRecord(id, held string) (*store.Record, error) {
	fields := strings.SplitN(held, " ", 5)
	if len(fields) != 5 {
		return nil, ErrUnreadable
	}
	version, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return nil, ErrUnreadable
	}
	data, err := l.sealer.open(l.recordPlace(id, version), fields[4])
	if err != nil {
		return nil, err
	}
	r, err := store.Decode(data)
	if err != nil {
		return nil, err
	}
	r.ID, r.Version = id, version
	return r, nil
}

// Update implements [store.Logins].
func (l logins) Update(ctx context.Context, r *store.Record) error {
	if err := l.ready(ctx); err != nil {
		return err
	}
	data, err := store.Encode(r)
	if err != nil {
		return err
	}
	next := r.Version + 1
	if err := l.settle(ctx, "updating record", eval(l.scripts.update, l.keys.quota,
		r.ID, strconv.FormatUint(r.Version, 10), strconv.FormatUint(next, 10),
		millis(r.ExpiresAt), millis(r.KeepUntil()), state(r), l.sealer.seal(l.recordPlace(r.ID, next), data))); err != nil {
		return err
	}
	r.Version = next
	return nil
}

// Len implements [store.Logins].
func (l logins) Len(ctx context.Context) (int, error) {
	const doing = "counting records"
	asked := l.config.Now()
	got, err := l.call(ctx, doing, eval(l.scripts.count, l.keys.quota))
	if err != nil {
		return 0, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields) != 3 {
		return 0, l.unavailable(ctx, doing, errMalformed)
	}
	n, err := strconv.Atoi(fields[2])
	if err == nil {
		_, err = l.readTime(asked, fields[0], fields[1])
	}
	return n, l.unavailable(ctx, doing, err)
}

func (l logins) recordPlace(id string, version uint64) place {
	return place{key: l.keys.records, name: id, version: version}
}

// state says what quota.lua has to know of a record's phase.
func state(r *store.Record) string {
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
