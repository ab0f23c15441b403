package storetest

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// rivals is the number of goroutines that do the same at once.
const rivals = 100

func contention() []scenario {
	return []scenario{
		{"of parallel creates of one ID one wins", oneCreates},
		{"of parallel updates of one version one wins", oneUpdates},
		{"a lapsed lease is taken over by one", oneTakesOver},
		{"all who remember at once get the same", allRemember},
		{"parallel events are counted one by one", allCounted},
	}
}

// together calls do for every rival at once and waits for all.
func together(do func(rival int)) {
	var all sync.WaitGroup
	for i := range rivals {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// oneOf wants one rival without an error, and want for all others.
func oneOf(t *testing.T, want error, do func(rival int) error) {
	t.Helper()
	var winners atomic.Int64
	together(func(i int) {
		switch err := do(i); {
		case err == nil:
			winners.Add(1)
		case !errors.Is(err, want):
			t.Errorf("a loser got %v, want %v", err, want)
		}
	})
	if n := winners.Load(); n != 1 {
		t.Errorf("%d winners, want 1", n)
	}
}

func oneCreates(t *testing.T, h Harness) {
	oneOf(t, store.ErrExists, func(i int) error {
		_, err := h.Store.Create(t.Context(), NewRecord("a", strconv.Itoa(i), h.Now()), roomy())
		return err
	})
	wantLen(t, h, 1)
}

func oneUpdates(t *testing.T, h Harness) {
	create(t, h, "a", "client", roomy())
	oneOf(t, store.ErrConflict, func(i int) error {
		r, err := h.Store.Load(t.Context(), "a")
		if err != nil {
			return err
		}
		r.Version = 1
		r.Reason = strconv.Itoa(i)
		return h.Store.Update(t.Context(), r)
	})
	if got := load(t, h, "a").Version; got != 2 {
		t.Errorf("version = %d, want 2", got)
	}
}

// oneTakesOver lets finishers read, see that the lease is over, and claim the next fence. The one that slept
// notices it.
func oneTakesOver(t *testing.T, h Harness) {
	slept, _ := create(t, h, "a", "client", roomy())
	slept.Phase, slept.Fence, slept.LeaseUntil = store.Validating, 1, h.Now().Add(-time.Second)
	slept.FirstPresented = h.Now()
	update(t, h, slept)
	seen := load(t, h, "a")
	oneOf(t, store.ErrConflict, func(int) error {
		claim := *seen
		claim.Fence++
		claim.LeaseUntil = h.Now().Add(30 * time.Second)
		return h.Store.Update(t.Context(), &claim)
	})
	slept.Phase = store.Validated
	if err := h.Store.Update(t.Context(), slept); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the first holder's update: %v, want %v", err, store.ErrConflict)
	}
	if got := load(t, h, "a"); got.Fence != 2 || got.Phase != store.Validating {
		t.Errorf("fence %d in phase %v, want 2 and still validating", got.Fence, got.Phase)
	}
}

func boundsHold(t *testing.T, h Harness) {
	b := store.Bounds{Total: 20, PerClient: 5}
	var evicted atomic.Int64
	together(func(i int) {
		ids, err := h.Store.Create(t.Context(), NewRecord(strconv.Itoa(i), strconv.Itoa(i%10), h.Now()), b)
		if err != nil {
			t.Errorf("creating: %v", err)
		}
		evicted.Add(int64(len(ids)))
	})
	held := wantFull(t, h, b.Total)
	if got := evicted.Load(); got != int64(rivals-held) {
		t.Errorf("evicted %d, want %d", got, rivals-held)
	}
	there := 0
	for i := range rivals {
		if _, err := h.Store.Load(t.Context(), strconv.Itoa(i)); err == nil {
			there++
		}
	}
	if there != held {
		t.Errorf("%d records can be loaded, want %d", there, held)
	}
}

// wantFull compares how many records count with the bound that was reached, and returns how many do.
func wantFull(t *testing.T, h Harness, bound int) int {
	t.Helper()
	held, err := h.Store.Len(t.Context())
	if err != nil || held > bound || held < bound && !h.Approximate {
		t.Errorf("Len() = %d, %v, want %d", held, err, bound)
	}
	return held
}

func allRemember(t *testing.T, h Harness) {
	var kept sync.Map
	together(func(i int) {
		value, err := h.Store.Remember(t.Context(), "key", strconv.Itoa(i), time.Hour)
		if err != nil {
			t.Errorf("remembering: %v", err)
		}
		kept.Store(value, true)
	})
	values := 0
	kept.Range(func(any, any) bool { values++; return true })
	if values != 1 {
		t.Errorf("%d different values were given, want 1", values)
	}
}

func allCounted(t *testing.T, h Harness) {
	wantAllCounted(t, func(int) Harness { return h })
}

// wantAllCounted has every rival count an event at the store of its own harness.
func wantAllCounted(t *testing.T, at func(rival int) Harness) {
	t.Helper()
	const limit = 10
	var allowed atomic.Int64
	together(func(i int) {
		wait, err := at(i).Store.Allow(t.Context(), store.Quota{Owner: "key", Limit: limit, Window: 10 * time.Hour})
		if err != nil {
			t.Errorf("counting: %v", err)
		}
		if wait == 0 {
			allowed.Add(1)
		}
	})
	if n := allowed.Load(); n != limit {
		t.Errorf("%d events allowed, want %d", n, limit)
	}
}
