package store

import (
	"strconv"
	"testing"
	"time"
)

// frozen is a clock that stands still.
func frozen() time.Time { return time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC) }

// size counts a table's entries, and fails when cache and queue disagree.
func size[V any](t testing.TB, table *table[V]) (entries int) {
	t.Helper()
	for i := range table.shards {
		s := &table.shards[i]
		s.mu.Lock()
		if s.queue.len() != s.cache.ItemCount() {
			t.Errorf("shard %d has %d in its queue and %d in its cache", i, s.queue.len(), s.cache.ItemCount())
		}
		entries += s.queue.len()
		s.mu.Unlock()
	}
	return entries
}

// TestCountersAreBounded: a flood from ever new addresses must not take ever more
// memory, nor free the one who is waiting already.
func TestCountersAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(frozen)
	defer m.Close()
	for range 60 {
		if _, err := m.Allow(t.Context(), Quota{Owner: "greedy", Limit: 60, Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range MaxCounters + MaxCounters/8 {
		if _, err := m.Allow(t.Context(), Quota{Owner: strconv.Itoa(i), Limit: 60, Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, m.counters); n > MaxCounters {
		t.Errorf("%d counters, want up to %d", n, MaxCounters)
	}
	if wait, err := m.Allow(t.Context(), Quota{Owner: "greedy", Limit: 60, Window: time.Minute}); err != nil || wait == 0 {
		t.Errorf("the greedy one waits %v, %v, want its counter to be kept", wait, err)
	}
}

func TestRememberedValuesAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(frozen)
	defer m.Close()
	for i := range MaxRemembered + MaxRemembered/8 {
		if _, err := m.Remember(t.Context(), strconv.Itoa(i), "value", time.Duration(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, m.remembered); n > MaxRemembered {
		t.Errorf("%d values, want up to %d", n, MaxRemembered)
	}
	last := strconv.Itoa(MaxRemembered + MaxRemembered/8 - 1)
	if kept, err := m.Remember(t.Context(), last, "other", time.Hour); err != nil || kept != "value" {
		t.Errorf("the last value is %q, %v, want it kept", kept, err)
	}
}

// TestRevokedAllocatesNothing: it is asked for every request.
func TestRevokedAllocatesNothing(t *testing.T) {
	m := NewMemory(frozen)
	defer m.Close()
	c := Credential{TokenID: "token", Login: "login", Subject: "subject", IssuedAt: frozen()}
	ask := func() {
		if _, err := m.Revoked(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	if n := testing.AllocsPerRun(100, ask); n != 0 {
		t.Errorf("%v allocations with nothing revoked", n)
	}
	for _, id := range []string{"other", "subject"} {
		if err := m.Revoke(t.Context(), Revocation{Scope: ScopeSubject, ID: id, Until: frozen().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, ask); n != 0 {
		t.Errorf("%v allocations with something revoked", n)
	}
}
