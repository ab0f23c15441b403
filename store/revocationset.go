package store

import (
	"iter"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// RevocationSet is a set of revocations in the memory of this process: all that
// [Memory] has of them, and the copy that a store on a server reads from. The zero
// value is empty. Its methods may be called by any number of goroutines at once.
//
// Every request reads it, so reading takes no lock, and costs one atomic load while
// nothing is revoked. It has no bound of its own, since a revocation that is forgotten
// makes a token valid again: there is at most one for each token, login and user whose
// tokens have not expired.
type RevocationSet struct {
	total   atomic.Int64
	byScope [ScopeSubject + 1]sync.Map // ID to *revoked

	mu    sync.Mutex // for writers
	queue queue[*revoked]
}

// Listed is a revocation, and where a store on a server keeps it.
type Listed struct {
	Revocation
	// At is its place in the order of revocations. The zero Mark is in no mark.
	At Mark
	// List is the number of the list that holds it, as the store numbers them. Zero is no list.
	List uint32
}

// revoked is one revocation. It is replaced, never changed: readers hold no lock.
type revoked struct {
	scope       Scope
	list        uint32
	id          string
	issuedUntil int64 // Unix seconds
	until       int64 // Unix nanoseconds
	at          Mark
	index       int
}

func (v *revoked) before(other *revoked) bool { return v.until < other.until }
func (v *revoked) place() *int                { return &v.index }

// Add puts a revocation in, unless it is over. A second one of the same ID only adds to the first. It
// returns [ErrInvalid].
func (s *RevocationSet) Add(r Listed, now time.Time) error {
	if err := r.Validate(); err != nil {
		return err
	}
	next := newRevoked(r)
	if next.until <= now.UnixNano() {
		return nil
	}
	next.id = strings.Clone(next.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(next)
	return nil
}

func newRevoked(r Listed) *revoked {
	next := &revoked{scope: r.Scope, list: r.List, id: r.ID, issuedUntil: math.MaxInt64, until: r.Until.UnixNano(), at: r.At}
	if !r.IssuedUntil.IsZero() {
		next.issuedUntil = r.IssuedUntil.Unix()
	}
	return next
}

// replace puts a revocation in the place of an earlier one, taking nothing back.
func (s *RevocationSet) replace(next *revoked) {
	ids := &s.byScope[next.scope]
	if old, ok := ids.Load(next.id); ok {
		earlier := old.(*revoked)
		next.merge(earlier)
		s.queue.drop(earlier)
	} else {
		s.total.Add(1)
	}
	ids.Store(next.id, next)
	s.queue.put(next)
}

// merge adds an earlier revocation of the same ID. The list is that of the one which refuses all that
// both refuse; it is none when neither does.
func (v *revoked) merge(earlier *revoked) {
	v.at = earlier.later(v)
	switch {
	case v.includes(earlier):
	case earlier.includes(v):
		v.list = earlier.list
	default:
		v.list = 0
	}
	v.issuedUntil = max(v.issuedUntil, earlier.issuedUntil)
	v.until = max(v.until, earlier.until)
}

// later returns the place of the later one of two revocations of one ID. Where the order of two epochs
// is not known, it is none: a login is then refused whatever its mark.
func (v *revoked) later(next *revoked) Mark {
	switch {
	case v.at.Epoch == next.at.Epoch:
		return Mark{v.at.Epoch, max(v.at.Number, next.at.Number)}
	case v.issuedUntil != next.issuedUntil || v.until != next.until:
		return Mark{}
	case v.at.Number == 0:
		return next.at
	}
	return v.at
}

// includes reports whether a revocation refuses all that another of the same ID refuses.
func (v *revoked) includes(other *revoked) bool {
	return v.issuedUntil >= other.issuedUntil && v.until >= other.until
}

// Includes reports whether the set refuses all that a revocation refuses.
func (s *RevocationSet) Includes(r Revocation) bool {
	found, ok := s.byScope[r.Scope].Load(r.ID)
	return ok && found.(*revoked).includes(newRevoked(Listed{Revocation: r}))
}

// Find returns the revocation of an ID.
func (s *RevocationSet) Find(scope Scope, id string) (r Listed, ok bool) {
	found, ok := s.byScope[scope].Load(id)
	if !ok {
		return Listed{}, false
	}
	return found.(*revoked).listed(), true
}

// Covers reports whether a revocation refuses the credential. It asks for the time
// only when there is one.
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

// Len returns how many there are; some of them may be over.
func (s *RevocationSet) Len() int { return int(s.total.Load()) }

// All returns what is in the set, in no order; some of it may be over. What is
// added or swept meanwhile may or may not be among it.
func (s *RevocationSet) All() iter.Seq[Listed] {
	return func(yield func(Listed) bool) {
		for scope := range s.byScope {
			more := true
			s.byScope[scope].Range(func(_, found any) bool {
				more = yield(found.(*revoked).listed())
				return more
			})
			if !more {
				return
			}
		}
	}
}

// listed returns what Add would take to get v.
func (v *revoked) listed() Listed {
	r := Revocation{Scope: v.scope, ID: v.id, Until: time.Unix(0, v.until).UTC()}
	if v.issuedUntil != math.MaxInt64 {
		r.IssuedUntil = time.Unix(v.issuedUntil, 0).UTC()
	}
	return Listed{Revocation: r, At: v.at, List: v.list}
}

// Sweep forgets what is over.
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
