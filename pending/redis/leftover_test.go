package redis_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/pending/pendingtest"
	"github.com/caddy-itsme/caddy-itsme/pending/redis"
)

// TestEveryKeyExpires: when a gateway is gone, what it kept goes, too, and not before
// its time.
func TestEveryKeyExpires(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	store := open(t, config(s.address))
	liveAFullLife(t, store)
	client := admin(t, s.address)
	longest := 21*time.Minute + pending.Retention
	for key := range dump(t, client) {
		left, err := do(t, client, "PTTL", key).ToInt64()
		if err != nil || left <= 0 || time.Duration(left)*time.Millisecond > max(longest, time.Hour) {
			t.Errorf("%s lives for %d ms, %v", key, left, err)
		}
	}
}

// TestSweepLeavesNothing: what is over goes while the gateway runs, some at every call.
func TestSweepLeavesNothing(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	clock := newClock(server)
	c := config(server.Addr())
	c.Now = clock.Now
	store := open(t, c)
	const logins = 120 // more than two batches
	for i := range logins {
		r := pendingtest.NewRecord(strconv.Itoa(i), strconv.Itoa(i/3), clock.Now())
		if _, err := store.Create(t.Context(), r, bounds()); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(20 * time.Minute)
	wantHeld(t, store, server, 0, logins)
	clock.advance(pending.Retention)
	for range 5 {
		wantHeld(t, store, server, 0, -1)
	}
	if keys := server.Keys(); len(keys) != 0 && (len(keys) != 1 || keys[0] != "{itsme:default}:serial") {
		t.Errorf("%q are left", keys)
	}
}

// wantHeld compares how many records count, and how many there are.
func wantHeld(t *testing.T, store *redis.Store, server *miniredis.Miniredis, open, all int) {
	t.Helper()
	if n, err := store.Len(t.Context()); err != nil || n != open {
		t.Errorf("Len() = %d, %v, want %d", n, err, open)
	}
	if fields, err := server.HKeys(records); all >= 0 && (err != nil || len(fields) != all) {
		t.Errorf("%d records are held, %v, want %d", len(fields), err, all)
	}
}

// TestLostRecords: a server that evicts keys against all warning does not stop logins
// for good.
func TestLostRecords(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	store := open(t, config(s.address))
	for i := range 3 {
		create(t, store, strconv.Itoa(i))
	}
	do(t, admin(t, s.address), "DEL", records)
	tight := pending.Bounds{Total: 3, PerClient: 3}
	for i := range 6 {
		r := pendingtest.NewRecord("new"+strconv.Itoa(i), "192.0.2.1", time.Now())
		if _, err := store.Create(t.Context(), r, tight); err != nil {
			t.Errorf("creating: %v", err)
		}
	}
	if n, err := store.Len(t.Context()); err != nil || n != 3 {
		t.Errorf("Len() = %d, %v, want 3", n, err)
	}
}

// TestCloseEndsEverything is about goroutines, which inherit the label of the one that
// opened the store. A client ends its own when the connections are closed.
func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *server{
		"standalone": func(t testing.TB) *server { return startServer(t) },
		"Cluster":    startCluster,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			pprof.Do(t.Context(), pprof.Labels("store", t.Name()), func(ctx context.Context) {
				for range 10 {
					useAndClose(ctx, t, config(s.address))
				}
			})
			begin := time.Now()
			for labelled(t, t.Name()) > 0 {
				if time.Since(begin) > time.Minute {
					t.Fatalf("%d goroutines are left", labelled(t, t.Name()))
				}
				runtime.Gosched()
			}
			clients, err := do(t, admin(t, s.address), "CLIENT", "LIST").ToString()
			if err != nil || strings.Contains(clients, "name=caddy-itsme") {
				t.Errorf("connections are left: %s, %v", clients, err)
			}
		})
	}
}

func useAndClose(ctx context.Context, t *testing.T, c redis.Config) {
	t.Helper()
	store, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Len(ctx); err != nil {
		t.Errorf("Len: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	store.Start()
	if _, err := store.Len(ctx); !errors.Is(err, pending.ErrUnavailable) {
		t.Errorf("Len of a closed store: %v, want %v", err, pending.ErrUnavailable)
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
// nobody.
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
