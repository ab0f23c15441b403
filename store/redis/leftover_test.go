package redis_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestEveryKeyExpires: when a gateway is gone, what it kept goes, too, and not before
// its time.
func TestEveryKeyExpires(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	st := open(t, config(s.Address))
	client := admin(t, s.Address)
	create(t, st, "a")
	wantExpiring(t, client, 20*time.Minute+store.Retention)
	liveAFullLife(t, st)
	// The list of subjects goes as a whole, an hour after the 32 days in which the last one ends.
	wantExpiring(t, client, 32*24*time.Hour+2*time.Hour)
}

// wantExpiring looks at how long every key lives.
func wantExpiring(t *testing.T, client rueidis.Client, longest time.Duration) {
	t.Helper()
	for key := range dump(t, client) {
		left, err := do(t, client, "PTTL", key).ToInt64()
		if err != nil || left <= 0 || time.Duration(left)*time.Millisecond > longest {
			t.Errorf("%s lives for %d ms, %v", key, left, err)
		}
	}
}

// steered is a store on a server whose clock the test moves, kept busy by a login that
// outlives all others: their keys do not just expire.
func steered(t *testing.T) (*redis.Store, *miniredis.Miniredis, *clock) {
	t.Helper()
	server := miniredis.RunT(t)
	clock := newClock(server)
	c := config(server.Addr())
	c.Now = clock.Now
	st := openWhole(t, c)
	r := storetest.NewRecord("outlives", "client", clock.Now())
	r.ExpiresAt = clock.Now().Add(24 * time.Hour)
	if _, err := st.Create(t.Context(), r, bounds()); err != nil {
		t.Fatal(err)
	}
	return st, server, clock
}

// TestSweepLeavesNothing: what is over goes while the gateway runs, some at every call.
// What is due and not swept yet is not there for those who ask.
func TestSweepLeavesNothing(t *testing.T) {
	t.Parallel()
	st, server, clock := steered(t)
	const logins = 120 // more than two batches
	records := make([]*store.Record, logins)
	for i := range records {
		records[i] = storetest.NewRecord(strconv.Itoa(100+i), strconv.Itoa(i/3), clock.Now())
		if _, err := st.Create(t.Context(), records[i], bounds()); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(20 * time.Minute)
	wantHeld(t, st, server, 1, 1+logins)
	clock.advance(store.Retention)
	last := records[logins-1]
	if err := st.Update(t.Context(), last); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating what is over: %v, want %v", err, store.ErrNotFound)
	}
	last.ExpiresAt = clock.Now().Add(time.Hour)
	if _, err := st.Create(t.Context(), last, bounds()); err != nil {
		t.Errorf("creating under an ID that is free again: %v", err)
	}
	wantHeld(t, st, server, 2, 2)
	// The index is swept by those that start.
	for i := range 3 {
		if _, err := st.Create(t.Context(), storetest.NewRecord("new"+strconv.Itoa(i), "client", clock.Now()), bounds()); err != nil {
			t.Fatal(err)
		}
	}
	if members, err := server.SortedSet(wholeIndex); err != nil || len(members) != 5 {
		t.Errorf("the index has %d records, %v, want 5", len(members), err)
	}
}

// wholeIndex is the index of all records of a store with one shard.
const wholeIndex = "{" + redis.DefaultPrefix + ":00}:open"

// recordsIn returns the keys of the records on a server.
func recordsIn(server *miniredis.Miniredis) []string {
	return slices.DeleteFunc(server.Keys(), func(key string) bool { return !strings.Contains(key, "}:record:") })
}

// wantHeld compares how many records count, and how many there are.
func wantHeld(t *testing.T, st *redis.Store, server *miniredis.Miniredis, open, all int) {
	t.Helper()
	if n, err := st.Len(t.Context()); err != nil || n != open {
		t.Errorf("Len() = %d, %v, want %d", n, err, open)
	}
	if keys := recordsIn(server); len(keys) != all {
		t.Errorf("%d records are held, want %d", len(keys), all)
	}
}

// TestLostRecords: a server that evicts keys against all warning does not stop logins
// for good.
func TestLostRecords(t *testing.T) {
	t.Parallel()
	st, server, clock := steered(t)
	start := func(id string, b store.Bounds) {
		r := storetest.NewRecord(id, "192.0.2.1", clock.Now())
		if _, err := st.Create(t.Context(), r, b); err != nil {
			t.Errorf("creating %s: %v", id, err)
		}
	}
	wantOpen := func(want int) {
		t.Helper()
		if n, err := st.Len(t.Context()); err != nil || n != want {
			t.Errorf("%d count, %v, want %d", n, err, want)
		}
	}
	lose := func() {
		for _, key := range recordsIn(server) {
			server.Del(key)
		}
	}
	tight := store.Bounds{Total: 4, PerClient: 3}
	for i := range 6 {
		start("before"+strconv.Itoa(i), tight)
	}
	lose()
	for i := range 6 {
		start("after"+strconv.Itoa(i), tight)
	}
	wantOpen(4)
	lose()
	clock.advance(20 * time.Minute)
	start("later", bounds())
	wantOpen(2) // and the one that outlives all others
}

// TestCloseEndsEverything is about goroutines, which inherit the label of the one that
// opened the store. A client ends its own when the connections are closed.
func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *redistest.Server{
		"standalone": func(t testing.TB) *redistest.Server { return redistest.Start(t) },
		"Cluster":    func(t testing.TB) *redistest.Server { return redistest.StartNode(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			pprof.Do(t.Context(), pprof.Labels("store", t.Name()), func(ctx context.Context) {
				for range 10 {
					useAndClose(ctx, t, config(s.Address))
				}
			})
			begin := time.Now()
			for labelled(t, t.Name()) > 0 {
				if time.Since(begin) > time.Minute {
					t.Fatalf("%d goroutines are left", labelled(t, t.Name()))
				}
				runtime.Gosched()
			}
			clients, err := do(t, admin(t, s.Address), "CLIENT", "LIST").ToString()
			if err != nil || strings.Contains(clients, "name=caddy-itsme") {
				t.Errorf("connections are left: %s, %v", clients, err)
			}
		})
	}
}

func useAndClose(ctx context.Context, t *testing.T, c redis.Config) {
	t.Helper()
	st, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Len(ctx); err != nil {
		t.Errorf("Len: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	st.Start()
	if _, err := st.Len(ctx); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Len of a closed store: %v, want %v", err, store.ErrUnavailable)
	}
}

// labelled counts the goroutines with a label, but for the test itself.
func labelled(t *testing.T, label string) int {
	t.Helper()
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	return strings.Count(profile.String(), strconv.Quote(label))
}

// TestOpenStartsNothing: validating a configuration must leave no goroutine, and asks
// no server.
func TestOpenStartsNothing(t *testing.T) {
	t.Parallel()
	pprof.Do(t.Context(), pprof.Labels("store", t.Name()), func(context.Context) {
		for range 10 {
			open(t, config("127.0.0.1:1"))
		}
	})
	if n := labelled(t, t.Name()); n != 0 {
		t.Errorf("%d goroutines", n)
	}
}
