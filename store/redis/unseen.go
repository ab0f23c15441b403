package redis

import (
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// revocationID is what a revocation refuses.
type revocationID struct {
	scope store.Scope
	id    string
}

func idOf(v store.Revocation) revocationID { return revocationID{v.Scope, v.ID} }

// includes reports whether a revocation refuses all that another of the same ID refuses.
func includes(v, other store.Revocation) bool {
	issued := v.IssuedUntil.IsZero() || !other.IssuedUntil.IsZero() && !v.IssuedUntil.Before(other.IssuedUntil)
	return issued && !v.Until.Before(other.Until)
}

// unseen are the revocations that this replica added and has not read back. One that a look does not
// find was lost: the server that took it is the primary no more.
type unseen struct {
	mu  sync.Mutex
	all map[revocationID]added
}

// added is a revocation and when Redis had it; zero while that is not known.
type added struct {
	store.Listed
	at time.Time
}

// begin notes that a revocation is on its way to Redis. A look may read it before the answer is here.
func (u *unseen) begin(v store.Listed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = make(map[revocationID]added)
	}
	u.all[idOf(v.Revocation)] = added{Listed: v}
}

// end notes that Redis has a revocation now, or that it is not known whether it has.
func (u *unseen) end(v store.Listed, has bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	id := idOf(v.Revocation)
	if _, waiting := u.all[id]; !waiting {
		return
	}
	if u.all[id] = (added{v, time.Now()}); !has {
		delete(u.all, id)
	}
}

// seen notes a revocation that was read.
func (u *unseen) seen(v store.Revocation) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if waiting, ok := u.all[idOf(v)]; ok && includes(v, waiting.Revocation) {
		delete(u.all, idOf(v))
	}
}

// lost removes and returns those that Redis had before a look that has not found them.
func (u *unseen) lost(look time.Time) (all []store.Listed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, v := range u.all {
		if !v.at.IsZero() && v.at.Before(look) {
			all = append(all, v.Listed)
			delete(u.all, id)
		}
	}
	return all
}
