package pending

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Revocations is a set of revocations in the memory of this process: all that
// [Memory] has of them, and the copy that a store on a server reads from. The zero
// value is empty. Its methods may be called by any number of goroutines at once.
//
// Every request reads it, so reading takes no lock, and costs one atomic load while
// nothing is revoked. It has no bound of its own, since forgetting one would let
// somebody in: there is at most one for each token, login and person whose tokens
// have not expired.
type Revocations struct {
	total   atomic.Int64
	byScope [ScopeSubject + 1]sync.Map // ID to *revoked

	mu    sync.Mutex // for writers
	queue queue[*revoked]
}

// revoked is one revocation. It is replaced, never changed: readers hold no lock.
type revoked struct {
	scope       Scope
	id          string
	issuedUntil int64 // Unix seconds
	until       int64 // Unix nanoseconds
	at          Mark
	index       int
}

func (v *revoked) before(other *revoked) bool { return v.until < other.until }
func (v *revoked) place() *int                { return &v.index }

// Validate returns [ErrInvalid] for a revocation without a scope or an ID.
func (v Revocation) Validate() error {
	if v.Scope < ScopeToken || v.Scope > ScopeSubject || v.ID == "" {
		return fmt.Errorf("%w: revocation without scope or ID", ErrInvalid)
	}
	return nil
}

// Add puts a revocation in, unless it is over. At is its own place in the order of revocations. A
// second one of the same ID only adds to the first. It returns [ErrInvalid].
func (v *Revocations) Add(r Revocation, at Mark, now time.Time) error {
	if err := r.Validate(); err != nil {
		return err
	}
	next := &revoked{scope: r.Scope, id: strings.Clone(r.ID), issuedUntil: math.MaxInt64, until: r.Until.UnixNano(), at: at}
	if !r.IssuedUntil.IsZero() {
		next.issuedUntil = r.IssuedUntil.Unix()
	}
	if next.until <= now.UnixNano() {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.replace(next)
	return nil
}

// replace puts a revocation in the place of an earlier one, taking nothing back.
func (v *Revocations) replace(next *revoked) {
	ids := &v.byScope[next.scope]
	if old, ok := ids.Load(next.id); ok {
		earlier := old.(*revoked)
		next.issuedUntil = max(next.issuedUntil, earlier.issuedUntil)
		next.until = max(next.until, earlier.until)
		if next.at.Epoch == earlier.at.Epoch {
			next.at.Number = max(next.at.Number, earlier.at.Number)
		}
		v.queue.drop(earlier)
	} else {
		v.total.Add(1)
	}
	ids.Store(next.id, next)
	v.queue.put(next)
}

// Cover tells whether a revocation refuses the credential. It asks for the time
// only when there is one.
func (v *Revocations) Cover(c Credential, now func() time.Time) bool {
	if v.total.Load() == 0 {
		return false
	}
	return v.covers(ScopeToken, c.TokenID, "", c.IssuedAt, now) ||
		v.covers(ScopeLogin, c.Login, "", c.IssuedAt, now) ||
		v.covers(ScopeSubject, c.Subject, c.Mark, c.IssuedAt, now)
}

func (v *Revocations) covers(scope Scope, id, mark string, issuedAt time.Time, now func() time.Time) bool {
	if id == "" {
		return false
	}
	found, ok := v.byScope[scope].Load(id)
	if !ok {
		return false
	}
	r := found.(*revoked)
	return issuedAt.Unix() <= r.issuedUntil && now().UnixNano() < r.until && !r.at.in(mark)
}

// Len returns how many there are; some of them may be over.
func (v *Revocations) Len() int { return int(v.total.Load()) }

// All returns what is in the set, in no order; some of it may be over. What is
// added or swept meanwhile may or may not be among it.
func (v *Revocations) All() iter.Seq[Revocation] {
	return func(yield func(Revocation) bool) {
		for scope := range v.byScope {
			more := true
			v.byScope[scope].Range(func(_, found any) bool {
				more = yield(found.(*revoked).revocation())
				return more
			})
			if !more {
				return
			}
		}
	}
}

// revocation returns what Add would take to get v.
func (v *revoked) revocation() Revocation {
	r := Revocation{Scope: v.scope, ID: v.id, Until: time.Unix(0, v.until).UTC()}
	if v.issuedUntil != math.MaxInt64 {
		r.IssuedUntil = time.Unix(v.issuedUntil, 0).UTC()
	}
	return r
}

// Sweep forgets what is over.
func (v *Revocations) Sweep(now time.Time) {
	for v.sweep(now.UnixNano()) {
	}
}

// sweep handles one batch and tells whether it was a full one.
func (v *Revocations) sweep(now int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for range sweepBatch {
		r, ok := v.queue.first()
		if !ok || r.until > now {
			return false
		}
		v.byScope[r.scope].Delete(r.id)
		v.queue.drop(r)
		v.total.Add(-1)
	}
	return true
}
