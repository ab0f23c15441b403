package redis_test

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestAgreesWithMemory does the same with both stores, which must evict, refuse and
// count the same.
func TestAgreesWithMemory(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		c := config(address)
		c.Prefix = "itsme:" + strconv.FormatInt(runs.Add(1), 10)
		shared, err := redis.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		redis.SetShards(shared, 1)
		both := stores{store.NewMemory(time.Now), shared}
		defer func() { _ = errors.Join(both[0].Close(), both[1].Close()) }()
		b := store.Bounds{
			Total:     rapid.IntRange(0, 8).Draw(t, "total"),
			PerClient: rapid.IntRange(0, 4).Draw(t, "per client"),
		}
		var ids []string
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(ids) > 0 && rapid.IntRange(0, 2).Draw(t, "act on one") == 0 {
				both.act(t, rapid.SampledFrom(ids).Draw(t, "record"), rapid.Bool().Draw(t, "ends"), i)
				continue
			}
			ids = append(ids, strconv.Itoa(i))
			both.create(t, i, rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "client"), b)
		}
	})
}

// stores are the one whose answers are right, and the one that is tested.
type stores [2]store.Store

// outcome is what a store answered.
type outcome struct {
	Evicted []string
	Err     string
	Len     int
}

// same does something with each store and compares what they answer.
func (s stores) same(t *rapid.T, what string, do func(store.Store) ([]string, error)) {
	var got [2]outcome
	for i, st := range s {
		evicted, err := do(st)
		got[i].Evicted = append([]string{}, evicted...)
		if err != nil {
			got[i].Err = err.Error()
		}
		if got[i].Len, err = st.Len(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" {
		t.Fatalf("%s (-memory +Redis):\n%s", what, diff)
	}
}

// create starts a login. Later steps start later, by more than the millisecond that Redis counts in.
func (s stores) create(t *rapid.T, step int, client string, b store.Bounds) {
	id, now := strconv.Itoa(step), time.Now().Add(time.Duration(step)*time.Second)
	s.same(t, "creating "+id+" of "+client, func(st store.Store) ([]string, error) {
		return st.Create(t.Context(), storetest.NewRecord(id, client, now), b)
	})
}

// act lets a login come back or end, if it is still there and did not end. Later steps
// end later, by more than the millisecond that Redis counts in.
func (s stores) act(t *rapid.T, id string, ends bool, step int) {
	now := time.Now().Add(time.Duration(step) * time.Second)
	s.same(t, "acting on "+id, func(st store.Store) ([]string, error) {
		r, err := st.Load(t.Context(), id)
		if err != nil || r.Phase.Ended() {
			return nil, err
		}
		r.Phase, r.FirstPresented = store.Validating, now
		if ends {
			r.Phase, r.EndedAt = store.Denied, now
		}
		return nil, st.Update(t.Context(), r)
	})
}
