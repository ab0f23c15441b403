package store

import (
	"iter"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// RevocationSet holds revocations in memory: those of a [Memory], or the copy of a store on a server. The
// zero value is empty. Its methods may be called from many goroutines.
//
// Every request reads it. Reading takes no lock, and costs one atomic load while nothing is revoked. The
// set has no bound, because a dropped revocation makes a token valid again. There is at most one for each
// token, login and user whose tokens have not expired.
type RevocationSet struct {
	total   atomic.Int64
	byScope [ScopeSubject + 1]sync.Map // ID to *revoked

	mu    sync.Mutex // for writers
	queue queue[*revoked]
}

// revoked is one revocation. It is immutable, because readers hold no lock.
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

// Add adds a revocation, unless it is over. At is its place in the order of revocations. A second one of
// the same ID only extends the first. It returns [ErrInvalid] without a scope or an ID.
func (s *RevocationSet) Add(r Revocation, at Mark, now time.Time) error {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(next)
	return nil
}

// replace replaces an earlier revocation of the same ID, and refuses at least the same tokens.
func (s *RevocationSet) replace(next *revoked) {
	ids := &s.byScope[next.scope]
	if old, ok := ids.Load(next.id); ok {
		earlier := old.(*revoked)
		next.issuedUntil = max(next.issuedUntil, earlier.issuedUntil)
		next.until = max(next.until, earlier.until)
		if next.at.Epoch == earlier.at.Epoch {
			next.at.Number = max(next.at.Number, earlier.at.Number)
		}
		s.queue.drop(earlier)
	} else {
		s.total.Add(1)
	}
	ids.Store(next.id, next)
	s.queue.put(next)
}

// Covers reports whether a revocation refuses the credential. It calls now only when there is one.
func (s *RevocationSet) Covers(c Credential, now func() time.Time) bool {
	if s.total.Load() == 0 {
		return false
	}
	return s.covers(ScopeToken, c.TokenID, "", c.IssuedAt, now) ||
		s.covers(ScopeLogin, c.Login, "", c.IssuedAt, now) ||
		s.covers(ScopeSubject, c.Subject, c.Mark, c.IssuedAt, now)
}

func (s *RevocationSet) covers(scope Scope, id, mark string, issuedAt time.Time, now func() time.Time) bool {
	if id == "" {
		return false
	}
	found, ok := s.byScope[scope].Load(id)
	if !ok {
		return false
	}
	r := found.(*revoked)
	return issuedAt.Unix() <= r.issuedUntil && now().UnixNano() < r.until && !r.at.in(mark)
}

// Len returns the number of revocations; some may be over.
func (s *RevocationSet) Len() int { return int(s.total.Load()) }

// All returns the revocations in no order; some may be over. It may or may not return one that is added or
// swept meanwhile.
func (s *RevocationSet) All() iter.Seq[Revocation] {
	return func(yield func(Revocation) bool) {
		for scope := range s.byScope {
			more := true
			s.byScope[scope].Range(func(_, found any) bool {
				more = yield(found.(*revoked).revocation())
				return more
			})
			if !more {
				return
			}
		}
	}
}

// revocation returns the argument of Add for v.
func (v *revoked) revocation() Revocation {
	r := Revocation{Scope: v.scope, ID: v.id, Until: time.Unix(0, v.until).UTC()}
	if v.issuedUntil != math.MaxInt64 {
		r.IssuedUntil = time.Unix(v.issuedUntil, 0).UTC()
	}
	return r
}

// Sweep drops the revocations that are over.
func (s *RevocationSet) Sweep(now time.Time) {
	for s.sweep(now.UnixNano()) {
	}
}

// sweep handles one batch and reports whether it was a full one.
func (s *RevocationSet) sweep(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range sweepBatch {
		r, ok := s.queue.first()
		if !ok || r.until > now {
			return false
		}
		s.byScope[r.scope].Delete(r.id)
		s.queue.drop(r)
		s.total.Add(-1)
	}
	return true
}
