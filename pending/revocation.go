package pending

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// revocations keeps what is refused. Every request reads it, so reading takes no
// lock, and costs one atomic load while nothing is revoked. It has no bound of its
// own, since forgetting one would let somebody in: there is at most one for each
// token, login and person whose tokens have not expired.
type revocations struct {
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
	index       int
}

func (v *revoked) before(other *revoked) bool { return v.until < other.until }
func (v *revoked) place() *int                { return &v.index }

func (v *revocations) add(r Revocation, now int64) error {
	if r.Scope < ScopeToken || r.Scope > ScopeSubject || r.ID == "" {
		return fmt.Errorf("%w: revocation without scope or ID", ErrInvalid)
	}
	next := &revoked{scope: r.Scope, id: strings.Clone(r.ID), issuedUntil: math.MaxInt64, until: r.Until.UnixNano()}
	if !r.IssuedUntil.IsZero() {
		next.issuedUntil = r.IssuedUntil.Unix()
	}
	if next.until <= now {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.replace(next)
	return nil
}

// replace puts a revocation in the place of an earlier one, taking nothing back.
func (v *revocations) replace(next *revoked) {
	ids := &v.byScope[next.scope]
	if old, ok := ids.Load(next.id); ok {
		earlier := old.(*revoked)
		next.issuedUntil = max(next.issuedUntil, earlier.issuedUntil)
		next.until = max(next.until, earlier.until)
		v.queue.drop(earlier)
	} else {
		v.total.Add(1)
	}
	ids.Store(next.id, next)
	v.queue.put(next)
}

// cover tells whether a revocation refuses the credential.
func (v *revocations) cover(c Credential, now func() time.Time) bool {
	if v.total.Load() == 0 {
		return false
	}
	return v.covers(ScopeToken, c.TokenID, c.IssuedAt, now) ||
		v.covers(ScopeLogin, c.Login, c.IssuedAt, now) ||
		v.covers(ScopeSubject, c.Subject, c.IssuedAt, now)
}

func (v *revocations) covers(scope Scope, id string, issuedAt time.Time, now func() time.Time) bool {
	if id == "" {
		return false
	}
	found, ok := v.byScope[scope].Load(id)
	if !ok {
		return false
	}
	r := found.(*revoked)
	return issuedAt.Unix() <= r.issuedUntil && now().UnixNano() < r.until
}

// sweep forgets what is over, and tells whether there may be more of it.
func (v *revocations) sweep(now int64) bool {
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
