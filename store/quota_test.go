package store_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// naive is the eviction rule written down as it reads, in O(n).
type naive struct {
	bounds  store.Bounds
	records []naiveRecord // in the order of their creation
}

type naiveRecord struct {
	id, client string
	returned   bool
}

func (n *naive) held(client string) (count int) {
	for _, r := range n.records {
		if r.client == client {
			count++
		}
	}
	return count
}

// oldestUnreturned returns the place of a client's, or -1.
func (n *naive) oldestUnreturned(client string) int {
	for i, r := range n.records {
		if r.client == client && !r.returned {
			return i
		}
	}
	return -1
}

// heaviest returns the place of the record that goes when all is full, or -1.
func (n *naive) heaviest() int {
	best, most := -1, 0
	for i, r := range n.records {
		if r.returned || i != n.oldestUnreturned(r.client) {
			continue
		}
		if held := n.held(r.client); held > most {
			best, most = i, held
		}
	}
	return best
}

// create returns the ID that goes, or false when the new record is refused.
func (n *naive) create(id, client string) (evicted []string, ok bool) {
	counted := naiveRecord{client: client, returned: true} // may not go itself
	n.records = append(n.records, counted)
	at := -1
	switch {
	case n.held(client) > n.bounds.PerClient:
		at = n.oldestUnreturned(client)
	case len(n.records) > n.bounds.Total:
		at = n.heaviest()
	default:
		n.records[len(n.records)-1] = naiveRecord{id: id, client: client}
		return nil, true
	}
	if at < 0 {
		n.records = n.records[:len(n.records)-1]
		return nil, false
	}
	n.records[len(n.records)-1] = naiveRecord{id: id, client: client}
	evicted = []string{n.records[at].id}
	n.records = append(n.records[:at], n.records[at+1:]...)
	return evicted, true
}

func TestEvictionFollowsTheRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)
		s := store.NewMemory(func() time.Time { return start })
		defer func() { _ = s.Close() }()
		model := &naive{bounds: store.Bounds{
			Total:     rapid.IntRange(1, 8).Draw(t, "total"),
			PerClient: rapid.IntRange(1, 4).Draw(t, "per client"),
		}}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(model.records) > 0 && rapid.IntRange(0, 2).Draw(t, "act on one") == 0 {
				actOnOne(t, s, model, start)
				continue
			}
			client := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "client")
			id := strconv.Itoa(i)
			want, ok := model.create(id, client)
			got, err := s.Create(t.Context(), storetest.NewRecord(id, client, start), model.bounds)
			if ok != (err == nil) || err != nil && !errors.Is(err, store.ErrFull) {
				t.Fatalf("creating %s of %s: %v, want it kept: %t", id, client, err, ok)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("creating %s of %s evicted (-want +got):\n%s", id, client, diff)
			}
			if n, err := s.Len(t.Context()); err != nil || n != len(model.records) {
				t.Fatalf("Len() = %d, %v, want %d", n, err, len(model.records))
			}
		}
	})
}

// actOnOne lets one login come back or end.
func actOnOne(t *rapid.T, s store.Store, model *naive, now time.Time) {
	at := rapid.IntRange(0, len(model.records)-1).Draw(t, "record")
	r, err := s.Load(t.Context(), model.records[at].id)
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	if rapid.Bool().Draw(t, "ends") {
		r.Phase, r.EndedAt = store.Denied, now
		model.records = append(model.records[:at], model.records[at+1:]...)
	} else {
		r.Phase, r.FirstPresented = store.Validating, now
		model.records[at].returned = true
	}
	if err := s.Update(t.Context(), r); err != nil {
		t.Fatalf("updating: %v", err)
	}
}
