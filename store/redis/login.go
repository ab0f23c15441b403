package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/internal/together"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// What the scripts answer.
const (
	replyKept     = "kept"
	replyHeld     = "held"
	replyExists   = "exists"
	replyFull     = "full"
	replyMissing  = "missing"
	replyConflict = "conflict"
	replyGone     = "gone"
)

// refusals are the errors of the answers that keep nothing.
var refusals = map[string]error{
	replyExists:   store.ErrExists,
	replyFull:     store.ErrFull,
	replyMissing:  store.ErrNotFound,
	replyConflict: store.ErrConflict,
}

// errEvicted: the record had to go for a later one of its client before it was there.
var errEvicted = errors.New("record was evicted while it was created")

// errMalformed: what answers is no Redis that runs our scripts.
var errMalformed = errors.New("malformed answer of a script")

// verdict returns the error of an answer.
func verdict(reply string) error {
	if reply == replyKept || reply == replyHeld {
		return nil
	}
	if err, ok := refusals[reply]; ok {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, errMalformed)
}

// logins is the [store.Logins] of a [Store].
//
// A record is one key, and decides: a script compares and sets it. Two indexes beside it count: that of
// its client, and that of its shard. They are written at the same time as the record, each in one step of
// its own. Where a call ends between them, an index names a record that is not there, or does not know how
// far one has come. Until the record's expiry that costs its client one place; then it is swept. No record
// goes because of an index alone: evict.lua looks at the record.
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
	var made error
	var entered admissions
	indexes := l.indexesOf(r.ID, l.sealer.Name(clientName, r.Client), b)
	together.Do(
		func() { made = l.create(ctx, r, data) },
		// What goes for the client may make room in the shard. So the shard's are named after it.
		func() { entered = l.enter(ctx, indexes, r, state(r), 0) },
	)
	evicted, err = l.admit(ctx, indexes, entered, made, r)
	if err != nil {
		return nil, err
	}
	r.Version = 1
	return evicted, nil
}

// admit makes room for a new record, once it is kept and entered, or takes both back. A record that had to go for a later
// one meanwhile makes room all the same: what its indexes named has left them.
func (l logins) admit(ctx context.Context, in indexes, entered admissions, made error, r *store.Record) (evicted []string, err error) {
	if errors.Is(made, errEvicted) && entered.err() == nil {
		l.leave(ctx, in, [2]int{}) // the other Create may have done so before this one entered them
		evicted, _, err = l.evictAll(ctx, in, entered)
		return evicted, err
	}
	if err := cmp.Or(made, entered.err()); err != nil {
		l.undo(ctx, in, entered, made == nil)
		return nil, err
	}
	return l.makeRoom(ctx, in, entered, r)
}

// create keeps the record itself.
func (l logins) create(ctx context.Context, r *store.Record, data []byte) error {
	const doing = "creating record"
	asked := l.config.Now()
	got, err := l.call(ctx, doing, eval(l.scripts.create, []string{l.keys.record(r.ID)}, l.held(r, 1, data), millis(r.KeepUntil())))
	if err != nil {
		return err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) == 0 {
		return l.unavailable(ctx, doing, errMalformed)
	}
	if reply[0] == replyGone {
		return errEvicted
	}
	if err := verdict(reply[0]); err != nil {
		return err
	}
	if len(reply) != 3 {
		return l.unavailable(ctx, doing, errMalformed)
	}
	_, err = l.readTime(asked, reply[1], reply[2])
	return l.unavailable(ctx, doing, err)
}

// Load implements [store.Logins].
func (l logins) Load(ctx context.Context, id string) (*store.Record, error) {
	const doing = "loading record"
	held, readAt, err := l.fetch(ctx, doing, eval(l.scripts.load, []string{l.keys.record(id)}))
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

// Update implements [store.Logins]. The indexes learn of an end at the same time. When the update then
// loses to another one, they may count one record less until that one ends.
func (l logins) Update(ctx context.Context, r *store.Record) error {
	if err := l.ready(ctx); err != nil {
		return err
	}
	data, err := store.Encode(r)
	if err != nil {
		return err
	}
	next := r.Version + 1
	together.Do(
		func() {
			err = l.settle(ctx, "updating record", eval(l.scripts.replace, []string{l.keys.record(r.ID)},
				strconv.FormatUint(r.Version, 10), l.held(r, next, data), millis(r.KeepUntil())))
		},
		func() {
			if r.Phase.Ended() {
				l.note(ctx, l.indexesOf(r.ID, l.sealer.Name(clientName, r.Client), store.Bounds{}), stateOver, millis(r.KeepUntil()))
			}
		},
	)
	if err != nil {
		return err
	}
	r.Version = next
	return nil
}

// Len implements [store.Logins]. It reads the indexes of all shards in one round trip, and changes none.
func (l logins) Len(ctx context.Context) (n int, err error) {
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	var timed error
	together.Do(
		func() { timed = l.askTime(ctx) },
		func() { n, err = l.countOpen(ctx) },
	)
	return n, cmp.Or(err, timed)
}

// held returns what Redis holds of a record: "version flag sealed". The flag is u while the record may go
// to make room, r when its code came back, and o when it ended.
func (l logins) held(r *store.Record, version uint64, data []byte) string {
	return strconv.FormatUint(version, 10) + " " + state(r)[:1] + " " + l.sealer.Seal(l.recordPlace(r.ID, version), data)
}

// openRecord reads what held returned.
func (l logins) openRecord(id, held string) (*store.Record, error) {
	fields := strings.SplitN(held, " ", 3)
	if len(fields) != 3 {
		return nil, ErrUnreadable
	}
	version, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return nil, ErrUnreadable
	}
	data, err := l.sealer.Open(l.recordPlace(id, version), fields[2])
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

func (l logins) recordPlace(id string, version uint64) seal.Place {
	return seal.Place{Key: l.keys.record(id), Version: version}
}

// remove deletes a record.
func (l logins) remove(ctx context.Context, id string) error {
	_, err := l.call(ctx, "deleting record", plain("DEL", func(b rueidis.Builder) rueidis.Completed { return b.Del().Key(l.keys.record(id)).Build() }))
	return err
}

// millis returns a time in Unix milliseconds, for a script.
func millis(t time.Time) string { return strconv.FormatInt(max(t.UnixMilli(), 0), 10) }
