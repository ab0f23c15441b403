package store

import (
	"context"
	"time"
)

// memoryLogins implements [Logins] for a [Memory].
type memoryLogins struct {
	*memoryState
	records *table[heldRecord]
	quota   quota
}

// heldRecord is a record in the table. It is due when it expires, when it is reduced after its end, and again
// when it is removed.
type heldRecord struct {
	packed
	ended     bool
	version   uint64
	entry     *entry
	keepUntil int64 // Unix nanoseconds
}

// Create implements [Logins].
func (l *memoryLogins) Create(ctx context.Context, r *Record, b Bounds) (evicted []string, err error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	p, err := pack(r)
	if err != nil {
		return nil, err
	}
	a, err := l.insert(r, p, b)
	if err != nil {
		return nil, err
	}
	r.Version = 1
	for _, e := range a.forgotten {
		l.remove(e)
	}
	for _, e := range a.evicted {
		l.remove(e)
		evicted = append(evicted, e.id)
	}
	return evicted, nil
}

// insert adds a record. The evicted records stay in the table until its shard is unlocked, because they
// may be in another shard.
func (l *memoryLogins) insert(r *Record, p packed, b Bounds) (admission, error) {
	s := l.records.lock(r.ID)
	defer s.mu.Unlock()
	if e := s.find(r.ID); e != nil {
		if l.now().UnixNano() < e.value.keepUntil {
			return admission{}, ErrExists
		}
		l.forget(s, e)
	}
	a, err := l.quota.admit(r.ID, r.Client, b)
	if err != nil {
		return admission{}, err
	}
	due, _ := l.settle(a.entry, r)
	s.add(r.ID, heldRecord{packed: p, ended: r.ended(), version: 1, entry: a.entry, keepUntil: r.KeepUntil().UnixNano()}, due)
	return a, nil
}

// settle updates the quota for the phase of a record. It returns the time of the next update; ok is false
// for an evicted record.
func (l *memoryLogins) settle(e *entry, r *Record) (due int64, ok bool) {
	switch {
	case r.ended():
		return min(r.EndedAt.Add(Retention).UnixNano(), r.KeepUntil().UnixNano()), l.quota.settle(e, over)
	case r.Phase.Ended() || !l.now().Before(r.ExpiresAt):
		return r.KeepUntil().UnixNano(), l.quota.settle(e, over)
	case r.Returned():
		return r.ExpiresAt.UnixNano(), l.quota.settle(e, returned)
	default:
		return r.ExpiresAt.UnixNano(), l.quota.settle(e, unreturned)
	}
}

// remove deletes an evicted record, unless its ID is used again.
func (l *memoryLogins) remove(gone *entry) {
	s := l.records.lock(gone.id)
	defer s.mu.Unlock()
	if e := s.find(gone.id); e != nil && e.value.entry == gone {
		s.remove(e)
	}
}

// Load implements [Logins].
func (l *memoryLogins) Load(ctx context.Context, id string) (*Record, error) {
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	h, ok := l.find(id)
	if !ok || l.now().UnixNano() >= h.keepUntil {
		return nil, ErrNotFound
	}
	r, err := h.unpack()
	if err != nil {
		return nil, err
	}
	r.ID, r.Version, r.ReadAt = h.entry.id, h.version, l.now().UTC()
	r.Reduce(r.ReadAt)
	return r, nil
}

func (l *memoryLogins) find(id string) (heldRecord, bool) {
	s := l.records.lock(id)
	defer s.mu.Unlock()
	e := s.find(id)
	if e == nil {
		return heldRecord{}, false
	}
	return e.value, true
}

// Update implements [Logins].
func (l *memoryLogins) Update(ctx context.Context, r *Record) error {
	if err := l.ready(ctx); err != nil {
		return err
	}
	p, err := pack(r)
	if err != nil {
		return err
	}
	s := l.records.lock(r.ID)
	defer s.mu.Unlock()
	e := s.find(r.ID)
	switch {
	case e == nil || l.now().UnixNano() >= e.value.keepUntil:
		return ErrNotFound
	case e.value.version != r.Version:
		return ErrConflict
	}
	due, ok := l.settle(e.value.entry, r)
	if !ok {
		return ErrNotFound
	}
	r.Version++
	e.value.packed, e.value.ended = p, r.ended()
	e.value.version, e.value.keepUntil = r.Version, r.KeepUntil().UnixNano()
	s.move(e, due)
	return nil
}

// Len implements [Logins].
func (l *memoryLogins) Len(ctx context.Context) (int, error) {
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	return l.quota.len(), nil
}

// lapse expires or removes a record that is due.
func (l *memoryLogins) lapse(s *shard[heldRecord], e *item[heldRecord]) {
	if e.due >= e.value.keepUntil {
		l.forget(s, e)
		return
	}
	l.quota.settle(e.value.entry, over)
	e.value.reduce(l.now())
	s.move(e, e.value.keepUntil)
}

// reduce packs a record again without what it no longer needs.
func (h *heldRecord) reduce(now time.Time) {
	if !h.ended { // most are not: their users never came back
		return
	}
	r, err := h.unpack()
	if err != nil {
		return
	}
	r.ID = h.entry.id
	r.Reduce(now)
	if p, err := pack(r); err == nil {
		h.packed = p
	}
}

func (l *memoryLogins) forget(s *shard[heldRecord], e *item[heldRecord]) {
	l.quota.settle(e.value.entry, gone)
	s.remove(e)
}
