package redis

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/internal/together"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// How far a record has come, as an index knows it.
const (
	stateUnreturned = "unreturned"
	stateReturned   = "returned"
	stateOver       = "over"
	// stateEntered is that of a record which an earlier call entered.
	stateEntered = "entered"
	// stateNone is that of no record.
	stateNone = "none"
)

// state returns how far a record has come.
func state(r *store.Record) string {
	switch {
	case r.Phase.Ended():
		return stateOver
	case r.Returned():
		return stateReturned
	default:
		return stateUnreturned
	}
}

// makeRoomAttempts bounds how many records are tried of which none may go, before a new one is refused.
const makeRoomAttempts = 8

// index is where records are counted, as index.lua describes it, and one record in it.
type index struct {
	key       string
	member    string
	client    string        // the keyed hash of the record's client
	width     int           // of the client in a member
	retention time.Duration // how long a record stays in it after its end
	bound     int
}

// indexes are the two that count a record: that of its client, and that of its shard.
type indexes [2]index

func (l logins) indexesOf(id, client string, b store.Bounds) indexes {
	return indexes{
		{key: l.keys.client(client), member: id, client: client, bound: b.PerClient},
		{
			key: l.keys.open(l.keys.shard(id)), member: client + id, client: client, width: len(client),
			retention: store.Retention, bound: share(b.Total, l.keys.shards),
		},
	}
}

// share is the bound of one shard, when all together have that total. Records fall into shards by chance.
// Four standard deviations of room let hardly any shard be full before the total is reached.
func share(total, shards int) int {
	mean := math.Ceil(float64(total) / float64(shards))
	return int(mean + math.Ceil(4*math.Sqrt(mean*(1-1/float64(shards)))))
}

// MostPending returns how many pending sessions a store holds at most for a [store.Bounds] of that total.
// It counts them in 256 shards, each within its share and room for chance.
func MostPending(total int) int { return shards * share(total, shards) }

// admission is what enter.lua answers.
type admission struct {
	err        error
	held       bool     // the record was there before
	gone, over []string // members
	crowded    bool     // there are more than the bound
}

type admissions [2]admission

func (a admissions) err() error { return cmp.Or(a[0].err, a[1].err) }

// evictions is how many records an index names at most for a new one. One makes room; the second is for
// bounds that were lowered.
const evictions = 2

// enter enters a record in both of its indexes. The index of the shard names at most ofShard records to
// go.
func (l logins) enter(ctx context.Context, in indexes, r *store.Record, state string, ofShard int) (a admissions) {
	together.Do(
		func() { a[0] = l.enterOne(ctx, in[0], r, state, evictions) },
		func() { a[1] = l.enterOne(ctx, in[1], r, state, ofShard) },
	)
	return a
}

func (l logins) enterOne(ctx context.Context, x index, r *store.Record, state string, evictions int) (a admission) {
	const doing = "entering record"
	got, err := l.call(ctx, doing, eval(l.scripts.enter, []string{x.key}, x.kept(), x.member, strconv.Itoa(x.width), strconv.Itoa(x.bound),
		millis(r.ExpiresAt), millis(r.KeepUntil()), state, strconv.Itoa(evictions)))
	if err != nil {
		return admission{err: err}
	}
	reply, err := got.ToArray()
	if err != nil || len(reply) != 4 {
		return admission{err: l.unavailable(ctx, doing, errMalformed)}
	}
	word, err := reply[0].ToString()
	if err == nil {
		err = verdict(word)
	}
	if err != nil {
		return admission{err: err}
	}
	a.held = word == replyHeld
	if a.gone, err = reply[1].AsStrSlice(); err == nil {
		a.over, err = reply[2].AsStrSlice()
	}
	if err == nil {
		a.crowded, err = reply[3].AsBool()
	}
	a.err = l.unavailable(ctx, doing, err)
	return a
}

// kept is for how many milliseconds a record stays in the index after its end.
func (x index) kept() string { return strconv.FormatInt(x.retention.Milliseconds(), 10) }

// split returns the client and the ID of a member.
func (x index) split(member string) (client, id string) {
	if x.width == 0 {
		return x.client, member
	}
	cut := min(x.width, len(member))
	return member[:cut], member[cut:]
}

// makeRoom deletes the records that go for a new one. Where one of them may not go, because its code came
// back meanwhile, the index names another. When it fails, it undoes what the new record's Create did.
func (l logins) makeRoom(ctx context.Context, in indexes, entered admissions, r *store.Record) (evicted []string, err error) {
	defer func() {
		if err != nil {
			l.undo(ctx, in, entered, true)
			evicted = nil
		}
	}()
	crowded := entered[1].crowded
	for range makeRoomAttempts {
		gone, stayed, err := l.evictAll(ctx, in, entered)
		evicted = append(evicted, gone...)
		if err != nil || stayed == 0 && !crowded {
			return evicted, err
		}
		crowded = false
		again := l.enter(ctx, in, r, stateEntered, evictions)
		for i := range again { // it is there by this very call
			again[i].held = entered[i].held
		}
		entered = again
		if err := entered.err(); err != nil {
			return nil, err
		}
	}
	return nil, store.ErrFull
}

// evictAll deletes the records that indexes name, and returns how many of them may not go.
func (l logins) evictAll(ctx context.Context, in indexes, entered admissions) (evicted []string, stayed int, err error) {
	for i, a := range entered {
		for j, member := range append(a.gone, a.over...) {
			client, id := in[i].split(member)
			wanted := stateUnreturned
			if j >= len(a.gone) {
				wanted = stateOver
			}
			gone, stays, err := l.evict(ctx, i, client, id, wanted)
			switch {
			case err != nil:
				return evicted, 0, err
			case wanted == stateOver:
			case stays:
				stayed++
			case gone:
				evicted = append(evicted, id)
			}
		}
	}
	return evicted, stayed, nil
}

// late is for how many milliseconds a record may be on its way to an index. No call takes longer.
const late = 60_000

// evict deletes a record that has come that far, and takes it out of its indexes. named is the index that named it; the
// record may still be on its way to the other one. A record that has come another way stays, and the indexes learn how far.
func (l logins) evict(ctx context.Context, named int, client, id, wanted string) (gone, stays bool, err error) {
	const doing = "evicting record"
	got, err := l.call(ctx, doing, eval(l.scripts.evict, []string{l.keys.record(id)},
		wanted, strconv.FormatInt(store.Retention.Milliseconds(), 10)))
	if err != nil {
		return false, false, err
	}
	reply, err := got.AsStrSlice()
	if err != nil || len(reply) == 0 {
		return false, false, l.unavailable(ctx, doing, errMalformed)
	}
	in := l.indexesOf(id, client, store.Bounds{})
	if len(reply) == 2 {
		l.note(ctx, in, reply[0], reply[1])
		return false, reply[0] != stateOver, nil
	}
	var wait [2]int
	if wanted == stateUnreturned {
		wait[1-named] = late
	}
	l.leave(ctx, in, wait)
	return reply[0] == replyGone, false, nil
}

// undo takes back what a refused Create did. It goes on when the caller hangs up.
func (l logins) undo(ctx context.Context, in indexes, entered admissions, made bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.config.Timeout)
	defer cancel()
	together.Do(
		func() {
			if made {
				_ = l.remove(ctx, in[0].member) // the ID alone
			}
		},
		func() {
			if !entered[0].held && !entered[1].held {
				l.leave(ctx, in, [2]int{})
			}
		},
		func() {
			for i, a := range entered {
				for _, member := range append(a.gone, a.over...) {
					client, id := in[i].split(member)
					_, _, _ = l.evict(ctx, i, client, id, stateNone)
				}
			}
		},
	)
}

// note has both indexes of a record know how far it has come. One that does not learn it counts the record
// until its expiry.
func (l logins) note(ctx context.Context, in indexes, state, due string) {
	noteOne := func(x index) {
		_ = l.settle(ctx, "noting record", eval(l.scripts.note, []string{x.key}, x.kept(), x.member, state, due))
	}
	together.Do(func() { noteOne(in[0]) }, func() { noteOne(in[1]) })
}

// leave takes a record out of both of its indexes. Each keeps it out for so many milliseconds if it does not have it yet.
func (l logins) leave(ctx context.Context, in indexes, wait [2]int) {
	leaveOne := func(x index, wait int) {
		_, _ = l.call(ctx, "leaving record", eval(l.scripts.leave, []string{x.key}, x.kept(), x.member, strconv.Itoa(wait)))
	}
	together.Do(func() { leaveOne(in[0], wait[0]) }, func() { leaveOne(in[1], wait[1]) })
}

// The scores of index.lua, for counting.
const (
	scoreReturned = 10_000_000_000_000
	scoreOver     = 20_000_000_000_000
)

// countOpen counts the records of all shards that neither ended nor expired.
func (l logins) countOpen(ctx context.Context) (n int, err error) {
	now := l.serverNow().UnixMilli()
	ranges := [][2]string{{at(now + 1), after(scoreReturned)}, {at(scoreReturned + now + 1), after(scoreOver)}}
	client := *l.client.Load()
	var counts []rueidis.Completed
	for shard := range l.keys.shards {
		for _, r := range ranges {
			counts = append(counts, client.B().Zcount().Key(l.keys.open(shard)).Min(r[0]).Max(r[1]).Build())
		}
	}
	ctx, traced := l.startSpan(ctx, command{name: "ZCOUNT"})
	defer func() { endSpan(traced, err) }()
	limited, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	for _, got := range client.DoMulti(limited, counts...) {
		one, err := got.AsInt64()
		if err != nil {
			return 0, l.unavailable(ctx, "counting records", err)
		}
		n += int(one)
	}
	return n, nil
}

func at(score int64) string { return strconv.FormatInt(score, 10) }

// after leaves that score out of a range.
func after(score int64) string { return "(" + at(score) }
