package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSweepLeavesNothing: whatever the store keeps for a time is out of memory
// after it, of its own accord.
func TestSweepLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(time.Now)
		defer m.Close()
		fill(t, m, 3*shardCount*sweepBatch)
		pass(time.Hour)
		wantEmpty(t, m)
	})
}

// pass lets time pass in testing/synctest, and the sweeper do its work.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// fill puts n of everything into a store.
func fill(t *testing.T, m *Memory, n int) {
	t.Helper()
	now := m.now()
	for i := range n {
		id := strconv.Itoa(i)
		r := &Record{ID: id, Client: strconv.Itoa(i / 3), ExpiresAt: now.Add(time.Minute)}
		if _, err := m.Create(t.Context(), r, Bounds{Total: n, PerClient: n}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Remember(t.Context(), id, id, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Allow(t.Context(), Quota{Owner: id, Limit: 2, Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if err := m.Revoke(t.Context(), Revocation{Scope: ScopeLogin, ID: id, Until: now.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		if err := m.CreateFamily(t.Context(), &Family{ID: id, ExpiresAt: now.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
}

func wantEmpty(t *testing.T, m *Memory) {
	t.Helper()
	left := map[string]int{
		"records":    size(t, m.records),
		"remembered": size(t, m.remembered),
		"families":   size(t, m.families),
		"counters":   size(t, m.counters),
		"revoked":    m.revoked.Len(),
	}
	m.quota.mu.Lock()
	defer m.quota.mu.Unlock()
	left["clients"], left["heavy clients"] = len(m.quota.clients), m.quota.byLoad.len()
	left["open"], left["over"] = m.quota.open, m.quota.over.len()
	for name, n := range left {
		if n != 0 {
			t.Errorf("%d %s are left", n, name)
		}
	}
}

// TestSweepLocksForOneBatch: however many items are due, no caller waits for more
// than a batch.
func TestSweepLocksForOneBatch(t *testing.T) {
	t.Parallel()
	s := &newTable[string]().shards[0]
	const due = 10*sweepBatch + 1
	for i := range due {
		s.add(strconv.Itoa(i), "value", 1)
	}
	for batch := range 10 {
		if full := s.sweep(1, (*shard[string]).remove); !full || s.queue.len() != due-(batch+1)*sweepBatch {
			t.Errorf("batch %d: full = %t with %d left", batch, full, s.queue.len())
		}
	}
	if full := s.sweep(1, (*shard[string]).remove); full || s.queue.len() != 0 {
		t.Errorf("last batch: full = %t with %d left", full, s.queue.len())
	}
}

// TestSweepAmongCalls lets logins start, come back, end, expire and evict one
// another while the sweeper runs, and then looks whether the books still agree.
func TestSweepAmongCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(time.Now)
		defer m.Close()
		var all sync.WaitGroup
		for client := range 8 {
			all.Go(func() { live(t, m, client) })
		}
		all.Wait()
		synctest.Wait() // until the sweeper is done with this second
		wantBooksToAgree(t, m)
		pass(time.Hour)
		wantEmpty(t, m)
	})
}

func wantBooksToAgree(t *testing.T, m *Memory) {
	t.Helper()
	want := size(t, m.records)
	m.quota.mu.Lock()
	defer m.quota.mu.Unlock()
	if got := m.quota.open + m.quota.over.len(); got != want {
		t.Errorf("the quota has %d records, the table %d", got, want)
	}
}

// live is what one client does for a while.
func live(t *testing.T, m *Memory, client int) {
	random := rand.New(rand.NewPCG(uint64(client), 1))
	for i := range 300 {
		<-time.After(time.Duration(random.IntN(5000)) * time.Millisecond)
		now := m.now()
		r := &Record{
			ID:        strconv.Itoa(client) + "-" + strconv.Itoa(i),
			Client:    strconv.Itoa(client / 2),
			ExpiresAt: now.Add(time.Duration(random.IntN(60)) * time.Second),
		}
		if _, err := m.Create(t.Context(), r, Bounds{Total: 20, PerClient: 10}); err != nil && !errors.Is(err, ErrFull) {
			t.Errorf("creating: %v", err)
		}
		other := strconv.Itoa(random.IntN(8)) + "-" + strconv.Itoa(max(0, i-random.IntN(20)))
		if err := finish(t.Context(), m, other, random.IntN(2) == 0); err != nil {
			t.Errorf("finishing: %v", err)
		}
	}
}

// finish moves a login one step on, unless another goroutine was faster.
func finish(ctx context.Context, m *Memory, id string, ends bool) error {
	r, err := m.Load(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Phase, r.FirstPresented = Validating, m.now()
	if ends {
		r.Phase, r.EndedAt = Issued, m.now()
	}
	if err := m.Update(ctx, r); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}
