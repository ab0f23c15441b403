package redis

import (
	"iter"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// longestRestorePause bounds the random pause before revocations are written back that Redis lacks.
	// The replica that drew the shortest one writes most of them: the others read them meanwhile.
	longestRestorePause = 2 * time.Second
	// restoreBatch is how many revocations one script writes back. Between two looks at what others
	// wrote, a replica writes up to restoreWrites and compares up to restoreScan.
	restoreBatch, restoreWrites, restoreScan = 250, 500, 5000
	// restorePace is the time from one look to the next meanwhile. Every replica reads what one writes: at
	// 10,000 a second none falls behind, which would refuse everything.
	restorePace = 50 * time.Millisecond
	// restoringStay is how long replicas that start wait after the last sign that revocations are
	// written back.
	restoringStay = time.Second
)

// restorer writes back what Redis lacks. It belongs to syncUntilClosed.
type restorer struct {
	lost    bool      // a revocation was added here, and not found since
	at      time.Time // when they are written back; zero when Redis lacks nothing
	pass    *pass     // under way, or nil
	written int       // how many were written back since Redis lacked any

	restoring bool // a replica writes revocations back
	answered  bool // this replica has answered
}

// pass is one walk through all revocations that this replica knows.
type pass struct {
	next  func() (store.Listed, bool)
	stop  func()
	turns map[segment]int // of the lists that were read anew before it began
}

// lacking returns the lists that were read anew, and may lack what this replica knows.
func (r *revocations) lacking() map[segment]int {
	turns := make(map[segment]int)
	for s, l := range r.lists {
		if l.anew != nil {
			turns[s] = l.turn
		}
	}
	return turns
}

// restore writes back what Redis lacks, a part at each call, after a random pause. It reports whether
// it is under way.
func (r *revocations) restore() (underWay bool) {
	now, lists := time.Now(), r.lacking()
	switch {
	case len(lists) == 0 && !r.lost:
		r.endRestore()
		return false
	case r.at.IsZero():
		r.at = now.Add(rand.N(longestRestorePause))
		r.config.Logger.Warn("Redis lost revocations; the replicas write back what it lacks", slog.String("prefix", r.config.Prefix))
	}
	r.announce()
	if now.Before(r.at) {
		return false
	}
	if r.pass == nil {
		r.pass = &pass{turns: lists}
		r.pass.next, r.pass.stop = iter.Pull(r.known.All())
	}
	if err := r.advance(); err != nil {
		r.stopPass()
		r.at = now.Add(rand.N(longestRestorePause)) // the next look finds out why
		return false
	}
	return true
}

// advance compares and writes one part.
func (r *revocations) advance() error {
	batches := make(map[uint32][]store.Listed)
	for _, v := range r.unseen.lost() {
		if err := r.batch(batches, v); err != nil {
			return err
		}
	}
	before, over := r.written, false
	for range restoreScan {
		v, more := r.pass.next()
		if over = !more; over || r.written-before >= restoreWrites {
			break
		}
		if !r.lacks(v) {
			continue
		}
		if err := r.batch(batches, v); err != nil {
			return err
		}
	}
	for _, batch := range batches {
		if err := r.writeBack(batch); err != nil {
			return err
		}
	}
	if over {
		r.finishPass()
	}
	return nil
}

// lacks reports whether Redis lacks a revocation that is not over.
func (r *revocations) lacks(v store.Listed) bool {
	if !v.Until.After(r.config.Now()) {
		return false
	}
	if v.List == 0 {
		return true // no list has all that it refuses
	}
	l := r.lists[segment(v.List)]
	if l == nil || l.anew == nil {
		return false
	}
	found, ok := l.anew[idOf(v.Revocation)]
	return !ok || !includes(found, v.Revocation)
}

// batch adds a revocation to those of its list, and writes them when they are enough.
func (r *revocations) batch(batches map[uint32][]store.Listed, v store.Listed) error {
	if v.List == 0 {
		v.List = uint32(segmentOf(v.Revocation, r.config.Now()))
	}
	batches[v.List] = append(batches[v.List], v)
	if len(batches[v.List]) < restoreBatch {
		return nil
	}
	full := batches[v.List]
	delete(batches, v.List)
	return r.writeBack(full)
}

// writeBack adds revocations to one list. The next look proves that they are there.
func (r *revocations) writeBack(batch []store.Listed) error {
	for _, v := range batch {
		r.unseen.begin(v, false)
	}
	_, err := r.publish(r.alive, batch, r.try)
	for _, v := range batch {
		r.unseen.end(v, true) // where it failed, the next look finds it lost
	}
	if err == nil {
		r.written += len(batch)
	}
	return err
}

// finishPass ends a pass through all revocations. A list that was read anew meanwhile needs another.
func (r *revocations) finishPass() {
	for s, turn := range r.pass.turns {
		if l := r.lists[s]; l != nil && l.turn == turn {
			l.anew = nil
		}
	}
	r.stopPass()
}

func (r *revocations) stopPass() {
	if r.pass != nil {
		r.pass.stop()
		r.pass = nil
	}
}

// announce has replicas that start wait. They do not where that fails: Redis then takes no revocations
// either.
func (r *revocations) announce() {
	_, _ = r.try(r.alive, "announcing revocations", plain("SET", func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(r.keys.restoring()).Value("1").PxMilliseconds(restoringStay.Milliseconds()).Build()
	}))
}

// endRestore notes that Redis lacks nothing.
func (r *revocations) endRestore() {
	if !r.at.IsZero() {
		r.config.Logger.Info("Redis has all revocations that this replica knows",
			slog.String("prefix", r.config.Prefix), slog.Int("written", r.written))
	}
	r.at, r.written = time.Time{}, 0
}
