package pending

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxRemembered is how many values [Memory.Remember] keeps at once. Beyond it,
	// those whose time ends first go: a login that was started twice then stays two.
	MaxRemembered = 1 << 17

	// MaxCounters is how many keys [Memory.Allow] counts at once. Beyond it, those
	// go that would start afresh first, which are the quietest: a flood from a
	// million addresses evicts the counters of its own single events.
	MaxCounters = 1 << 17
)

// Memory is a [Store] in the memory of one process, which is one replica. What it
// holds is lost when the process ends.
//
// It keeps at most twice [Bounds.Total] records, [MaxRemembered] values,
// [MaxCounters] counters, [MaxFamilies] families, and logins of [MaxSubjects] subjects. A record of a common size takes
// about 0.8 KiB.
type Memory struct {
	now        func() time.Time
	records    *table[held]
	ledger     ledger
	remembered *table[string]
	families   *table[heldFamily]
	logins     *table[[]enrolled] // of each subject, due when the last of them ends
	counters   *table[struct{}]   // due at their theoretical arrival time
	revoked    Revocations
	epoch      string        // of this process
	number     atomic.Uint64 // of the last revocation

	closed atomic.Bool
	stop   func()
	swept  chan struct{} // closed when the sweeper has ended
}

// held is a record in the table. It is due when it expires, and once more when it
// is to be forgotten.
type held struct {
	packed
	version   uint64
	ticket    *ticket
	keepUntil int64
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store and starts its sweeper, which Close ends. It
// takes the time from now, and sweeps about every second of the real clock; what is
// over is not returned even before it is swept.
func NewMemory(now func() time.Time) *Memory {
	stop := make(chan struct{})
	m := &Memory{
		now:        now,
		records:    newTable[held](),
		ledger:     ledger{clients: make(map[string]*client)},
		remembered: newTable[string](),
		families:   newTable[heldFamily](),
		logins:     newTable[[]enrolled](),
		counters:   newTable[struct{}](),
		epoch:      rand.Text()[:EpochSize],
		stop:       sync.OnceFunc(func() { close(stop) }),
		swept:      make(chan struct{}),
	}
	go m.sweepUntil(stop)
	return m
}

// Close implements [Store].
func (m *Memory) Close() error {
	m.closed.Store(true)
	m.stop()
	<-m.swept
	return nil
}

// ready refuses a call whose context is done, and every call after Close.
func (m *Memory) ready(ctx context.Context) error {
	if m.closed.Load() {
		return ErrUnavailable
	}
	return ctx.Err()
}

// Create implements [Store].
func (m *Memory) Create(ctx context.Context, r *Record, b Bounds) (evicted []string, err error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	p, err := pack(r)
	if err != nil {
		return nil, err
	}
	a, err := m.insert(r, p, b)
	if err != nil {
		return nil, err
	}
	r.Version = 1
	for _, t := range a.forgotten {
		m.remove(t)
	}
	for _, t := range a.evicted {
		m.remove(t)
		evicted = append(evicted, t.id)
	}
	return evicted, nil
}

// insert adds a record. Those that go for it stay in the table until its own shard
// is unlocked, since they may be in another.
func (m *Memory) insert(r *Record, p packed, b Bounds) (admission, error) {
	s := m.records.shard(r.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(r.ID); e != nil {
		if m.now().UnixNano() < e.value.keepUntil {
			return admission{}, ErrExists
		}
		m.forget(s, e)
	}
	a, err := m.ledger.admit(r.ID, r.Client, b)
	if err != nil {
		return admission{}, err
	}
	due, _ := m.settle(a.ticket, r)
	s.add(r.ID, held{packed: p, version: 1, ticket: a.ticket, keepUntil: r.KeepUntil().UnixNano()}, due)
	return a, nil
}

// settle notes in the ledger how far a record has come. It returns when that is to
// be looked at again; ok is false for a record that was evicted.
func (m *Memory) settle(t *ticket, r *Record) (due int64, ok bool) {
	switch {
	case r.Phase.Ended() || !m.now().Before(r.ExpiresAt):
		return r.KeepUntil().UnixNano(), m.ledger.settle(t, over)
	case r.Returned():
		return r.ExpiresAt.UnixNano(), m.ledger.settle(t, returned)
	default:
		return r.ExpiresAt.UnixNano(), m.ledger.settle(t, unreturned)
	}
}

// remove deletes what an admission pushed out, unless its ID has been used again.
func (m *Memory) remove(t *ticket) {
	s := m.records.shard(t.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(t.id); e != nil && e.value.ticket == t {
		s.remove(e)
	}
}

// Load implements [Store].
func (m *Memory) Load(ctx context.Context, id string) (*Record, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	h, ok := m.find(id)
	if !ok || m.now().UnixNano() >= h.keepUntil {
		return nil, ErrNotFound
	}
	r, err := h.unpack()
	if err != nil {
		return nil, err
	}
	r.ID, r.Version, r.ReadAt = h.ticket.id, h.version, m.now().UTC()
	return r, nil
}

func (m *Memory) find(id string) (held, bool) {
	s := m.records.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(id)
	if e == nil {
		return held{}, false
	}
	return e.value, true
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, r *Record) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	p, err := pack(r)
	if err != nil {
		return err
	}
	s := m.records.shard(r.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(r.ID)
	switch {
	case e == nil || m.now().UnixNano() >= e.value.keepUntil:
		return ErrNotFound
	case e.value.version != r.Version:
		return ErrConflict
	}
	due, ok := m.settle(e.value.ticket, r)
	if !ok {
		return ErrNotFound
	}
	r.Version++
	e.value.packed, e.value.version, e.value.keepUntil = p, r.Version, r.KeepUntil().UnixNano()
	s.move(e, due)
	return nil
}

// Remember implements [Store].
func (m *Memory) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	if err := m.ready(ctx); err != nil {
		return "", err
	}
	now := m.now().UnixNano()
	s := m.remembered.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key); e != nil {
		if now < e.due {
			return e.value, nil
		}
		s.remove(e)
	}
	s.addWithin(MaxRemembered, key, strings.Clone(value), now+int64(ttl))
	return value, nil
}

// Recall implements [Store].
func (m *Memory) Recall(ctx context.Context, key string) (string, error) {
	if err := m.ready(ctx); err != nil {
		return "", err
	}
	s := m.remembered.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key); e != nil && m.now().UnixNano() < e.due {
		return e.value, nil
	}
	return "", nil
}

// Allow implements [Store].
func (m *Memory) Allow(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if err := m.ready(ctx); err != nil {
		return 0, err
	}
	if limit < 1 || window < 1 {
		return max(window, 1), nil
	}
	now := m.now().UnixNano()
	s := m.counters.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		arrival, _ := arrive(now, now, int64(limit), int64(window))
		s.addWithin(MaxCounters, key, struct{}{}, arrival)
		return 0, nil
	}
	arrival, wait := arrive(e.due, now, int64(limit), int64(window))
	s.move(e, arrival)
	return time.Duration(wait), nil
}

// Revoke implements [Store].
func (m *Memory) Revoke(ctx context.Context, v Revocation) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	return m.revoked.Add(v, Mark{m.epoch, m.number.Add(1)}, m.now())
}

// Mark implements [Store].
func (m *Memory) Mark(ctx context.Context) (string, error) {
	if err := m.ready(ctx); err != nil {
		return "", err
	}
	return Mark{m.epoch, m.number.Load()}.String(), nil
}

// Revoked implements [Store].
func (m *Memory) Revoked(ctx context.Context, c Credential) (bool, error) {
	if err := m.ready(ctx); err != nil {
		return false, err
	}
	return m.revoked.Cover(c, m.now), nil
}

// Len implements [Store].
func (m *Memory) Len(ctx context.Context) (int, error) {
	if err := m.ready(ctx); err != nil {
		return 0, err
	}
	return m.ledger.len(), nil
}
