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
	at   time.Time
	lost bool // a look after that has not found it
}

// begin notes that a revocation is on its way to Redis. A look may read it before the answer is here. One that this
// replica has read before is known: Redis lists the same revocation once, so that no look would find it again.
func (u *unseen) begin(v store.Listed, known bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, waiting := u.all[idOf(v.Revocation)]; waiting || !known {
		u.all[idOf(v.Revocation)] = added{Listed: v}
	}
}

// end notes that Redis has a revocation now, or that it is not known whether it has.
func (u *unseen) end(v store.Listed, has bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	id := idOf(v.Revocation)
	if _, waiting := u.all[id]; !waiting {
		return
	}
	if u.all[id] = (added{Listed: v, at: time.Now()}); !has {
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

// look notes that a look which began then is over, and reports whether any is lost: Redis had it before, and the
// look has not found it.
func (u *unseen) look(began time.Time) (lost bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, v := range u.all {
		if !v.at.IsZero() && v.at.Before(began) {
			v.lost = true
			u.all[id] = v
		}
		lost = lost || v.lost
	}
	return lost
}

// lost returns those that are lost. Another replica may have written one back meanwhile, and a look found it.
func (u *unseen) lost() (all []store.Listed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, v := range u.all {
		if v.lost {
			all = append(all, v.Listed)
		}
	}
	return all
}
