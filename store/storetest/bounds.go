package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func bounds() []scenario {
	return []scenario{
		{"a full client loses its own oldest", clientLosesOldest},
		{"a record that returned is not evicted", returnedStays},
		{"a refused create changes nothing", refusedChangesNothing},
		{"a record that ended does not count", endedDoesNotCount},
		{"a record that is over from the start does not count", overFromTheStart},
		{"an evicted record cannot come back", evictedIsGone},
		{"the bounds of nothing keep nothing", noBounds},
	}
}

// totals are about [store.Bounds.Total], to a record.
func totals() []scenario {
	return []scenario{
		{"when none may go the new one is refused", fullIsRefused},
		{"records that ended are bounded", endedAreBounded},
		{"when all is full the heaviest client loses its oldest", heaviestLosesOldest},
		{"a client that floods evicts its own", flooderEvictsOwn},
		{"between clients that hold the same the oldest goes", oldestOfEqualsGoes},
		{"lowered bounds are reached step by step", loweredBounds},
		{"parallel creates keep within the bounds", boundsHold},
	}
}

// wantEvicted creates a record and compares the IDs of the evicted ones.
func wantEvicted(t *testing.T, h Harness, id, client string, b store.Bounds, want ...string) {
	t.Helper()
	_, got := create(t, h, id, client, b)
	if len(got) == 0 {
		got = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("creating %s evicted (-want +got):\n%s", id, diff)
	}
}

// comeBack marks a record as one whose code arrived.
func comeBack(t *testing.T, h Harness, id string) {
	t.Helper()
	r := load(t, h, id)
	r.Phase, r.FirstPresented = store.Validating, h.Now()
	update(t, h, r)
}

// end marks a record as one whose login is over.
func end(t *testing.T, h Harness, id string, phase store.Phase) {
	t.Helper()
	r := load(t, h, id)
	r.Phase, r.EndedAt = phase, h.Now()
	update(t, h, r)
}

func clientLosesOldest(t *testing.T, h Harness) {
	b := store.Bounds{Total: 100, PerClient: 2}
	wantEvicted(t, h, "other", "other", b)
	wantEvicted(t, h, "a", "client", b)
	wantEvicted(t, h, "b", "client", b)
	wantEvicted(t, h, "c", "client", b, "a")
	wantEvicted(t, h, "d", "client", b, "b")
	wantLen(t, h, 3)
}

func returnedStays(t *testing.T, h Harness) {
	b := store.Bounds{Total: 100, PerClient: 3}
	for _, id := range []string{"a", "b", "c"} {
		wantEvicted(t, h, id, "client", b)
	}
	comeBack(t, h, "a")
	r := load(t, h, "b")
	r.FirstPresented = h.Now() // presented, its lease not yet taken
	update(t, h, r)
	wantEvicted(t, h, "d", "client", b, "c")
	wantEvicted(t, h, "e", "client", b, "d")
	for _, id := range []string{"a", "b", "e"} {
		load(t, h, id)
	}
}

func fullIsRefused(t *testing.T, h Harness) {
	create(t, h, "a", "client", roomy())
	create(t, h, "b", "other", roomy())
	comeBack(t, h, "a")
	comeBack(t, h, "b")
	for name, b := range map[string]store.Bounds{
		"client": {Total: 100, PerClient: 1},
		"all":    {Total: 2, PerClient: 100},
	} {
		_, err := h.Store.Create(t.Context(), NewRecord("c", "client", h.Now()), b)
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("%s full: creating: %v, want %v", name, err, store.ErrFull)
		}
	}
	wantLen(t, h, 2)
}

func refusedChangesNothing(t *testing.T, h Harness) {
	b := store.Bounds{Total: 2, PerClient: 1}
	create(t, h, "a", "client", b)
	create(t, h, "b", "other", b)
	comeBack(t, h, "a")
	r := NewRecord("c", "client", h.Now())
	for range 3 {
		if evicted, err := h.Store.Create(t.Context(), r, b); !errors.Is(err, store.ErrFull) || len(evicted) != 0 || r.Version != 0 {
			t.Errorf("creating = %q, %v, version %d, want %v and no change", evicted, err, r.Version, store.ErrFull)
		}
	}
	if _, err := h.Store.Load(t.Context(), "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading what was refused: %v, want %v", err, store.ErrNotFound)
	}
	wantLen(t, h, 2)
	wantEvicted(t, h, "d", "other", b, "b")
}

func endedDoesNotCount(t *testing.T, h Harness) {
	b := store.Bounds{Total: 2, PerClient: 1}
	for phase := store.Issued; phase <= store.Failed; phase++ {
		id := phase.String()
		wantEvicted(t, h, id, "client", b)
		end(t, h, id, phase)
		wantLen(t, h, 0)
	}
	// Of those that ended, the last ones at least are still there.
	load(t, h, store.Failed.String())
	load(t, h, store.Expired.String())
}

func overFromTheStart(t *testing.T, h Harness) {
	for id, change := range map[string]func(*store.Record){
		"ended":   func(r *store.Record) { r.Phase, r.EndedAt = store.Failed, h.Now() },
		"expired": func(r *store.Record) { r.ExpiresAt = h.Now().Add(-time.Second) },
	} {
		r := NewRecord(id, "client", h.Now())
		change(r)
		keep(t, h, r, roomy())
		load(t, h, id)
		wantLen(t, h, 0)
	}
}

// endedAreBounded starts and ends many logins: an attacker could otherwise fill the store with ended ones.
func endedAreBounded(t *testing.T, h Harness) {
	const total, started = 10, 100
	for i := range started {
		r, _ := create(t, h, strconv.Itoa(i), "client", store.Bounds{Total: total, PerClient: total})
		r.Phase, r.EndedAt = store.Cancelled, h.Now().Add(time.Duration(i)*time.Second)
		update(t, h, r)
	}
	var kept []int
	for i := range started {
		if _, err := h.Store.Load(t.Context(), strconv.Itoa(i)); err == nil {
			kept = append(kept, i)
		}
	}
	if len(kept) > 2*total || len(kept) < total || kept[0] != started-len(kept) {
		t.Errorf("kept %v, want the last %d to %d", kept, total, 2*total)
	}
}

func heaviestLosesOldest(t *testing.T, h Harness) {
	b := store.Bounds{Total: 4, PerClient: 100}
	wantEvicted(t, h, "light", "light", b)
	for _, id := range []string{"h1", "h2", "h3"} {
		wantEvicted(t, h, id, "heavy", b)
	}
	wantEvicted(t, h, "n1", "new", b, "h1")
	comeBack(t, h, "h2")
	wantEvicted(t, h, "n2", "third", b, "h3")
	load(t, h, "light")
	load(t, h, "h2")
}

func flooderEvictsOwn(t *testing.T, h Harness) {
	b := store.Bounds{Total: 10, PerClient: 100}
	for i := range 5 {
		create(t, h, "quiet"+strconv.Itoa(i), strconv.Itoa(i%2), b)
	}
	for i := range 200 {
		create(t, h, "flood"+strconv.Itoa(i), "flooder", b)
	}
	for i := range 5 {
		load(t, h, "quiet"+strconv.Itoa(i))
	}
	wantLen(t, h, 10)
}

func oldestOfEqualsGoes(t *testing.T, h Harness) {
	b := store.Bounds{Total: 3, PerClient: 100}
	for _, id := range []string{"a", "b", "c"} {
		wantEvicted(t, h, id, "client "+id, b)
	}
	wantEvicted(t, h, "d", "client d", b, "a")
	comeBack(t, h, "b")
	wantEvicted(t, h, "e", "client e", b, "c")
	wantEvicted(t, h, "f", "client f", b, "d")
}

func evictedIsGone(t *testing.T, h Harness) {
	b := store.Bounds{Total: 1, PerClient: 1}
	r, _ := create(t, h, "a", "client", b)
	wantEvicted(t, h, "b", "client", b, "a")
	if _, err := h.Store.Load(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading: %v, want %v", err, store.ErrNotFound)
	}
	if err := h.Store.Update(t.Context(), r); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating: %v, want %v", err, store.ErrNotFound)
	}
	wantLen(t, h, 1)
}

func loweredBounds(t *testing.T, h Harness) {
	for i := range 50 {
		create(t, h, strconv.Itoa(i), strconv.Itoa(i%5), roomy())
	}
	b := store.Bounds{Total: 10, PerClient: 3}
	for i := range 100 {
		before, err := h.Store.Len(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, evicted := create(t, h, "new"+strconv.Itoa(i), strconv.Itoa(i%5), b)
		if len(evicted) > 8 {
			t.Fatalf("one create evicted %d", len(evicted))
		}
		wantLen(t, h, before+1-len(evicted))
	}
	wantLen(t, h, 10)
}

func noBounds(t *testing.T, h Harness) {
	for _, b := range []store.Bounds{{}, {Total: 1}, {PerClient: 1}} {
		if _, err := h.Store.Create(t.Context(), NewRecord("a", "client", h.Now()), b); !errors.Is(err, store.ErrFull) {
			t.Errorf("creating within %+v: %v, want %v", b, err, store.ErrFull)
		}
	}
	wantLen(t, h, 0)
}
