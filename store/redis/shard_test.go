package redis_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestSixNodes runs the suite on a Cluster of three primaries, with the keys spread as they are in
// production. A script that reaches for another slot is refused there.
func TestSixNodes(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	var stores atomic.Int64
	setup := func(t *testing.T, test func(*testing.T, storetest.Harness)) {
		c := config(cluster.Addresses()[0])
		c.Prefix = "itsme:" + strconv.FormatInt(stores.Add(1), 10)
		test(t, storetest.Harness{Store: open(t, c), Replica: open(t, c), Now: time.Now})
	}
	storetest.RunSpread(t, setup)
	storetest.RunShared(t, setup)
}

// TestEveryKeyHasATag: a key without the gateway's prefix is another application's, and one without a hash
// tag of its shard could be in any slot.
func TestEveryKeyHasATag(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	st := open(t, config(server.Address))
	liveAFullLife(t, st)
	tag := regexp.MustCompile(`^\{itsme:default(:[0-9a-f]{2}|:revoked:[a-z0-9]+)?\}:[^{}]+$`)
	shards := make(map[string]bool)
	for key := range server.Dump(t) {
		found := tag.FindStringSubmatch(key)
		if found == nil {
			t.Errorf("%s has no hash tag of the gateway", key)
			continue
		}
		shards[found[1]] = true
	}
	if len(shards) < 5 {
		t.Errorf("the keys of a few logins are in %d shards", len(shards))
	}
}

// sameShard returns IDs that are in one shard.
func sameShard(n int) (ids []string) {
	index := redis.IndexKey(redis.DefaultPrefix, "0")
	for i := 0; len(ids) < n; i++ {
		if id := strconv.Itoa(i); redis.IndexKey(redis.DefaultPrefix, id) == index {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestTotalIsCountedByShard fills one shard. No record goes before the shard holds its share of the total;
// then a client that floods evicts its own.
func TestTotalIsCountedByShard(t *testing.T) {
	t.Parallel()
	const total = 10_000
	st := open(t, config(redistest.Start(t).Address))
	bound := redis.MostPending(total) / 256
	ids := sameShard(bound + 50)
	b := store.Bounds{Total: total, PerClient: 1000}
	start := func(id, client string) []string {
		evicted, err := st.Create(t.Context(), storetest.NewRecord(id, client, time.Now()), b)
		if err != nil {
			t.Fatalf("creating %s: %v", id, err)
		}
		return evicted
	}
	quiet := ids[:10]
	for _, id := range quiet {
		start(id, "quiet")
	}
	for i, id := range ids[len(quiet):] {
		evicted := start(id, "flooder")
		if full := len(quiet)+i >= bound; full != (len(evicted) == 1) || full && evicted[0] != ids[len(quiet)+len(quiet)+i-bound] {
			t.Fatalf("record %d evicted %q", len(quiet)+i, evicted)
		}
	}
	for _, id := range quiet {
		if _, err := st.Load(t.Context(), id); err != nil {
			t.Errorf("loading %s: %v", id, err)
		}
	}
	if n, err := st.Len(t.Context()); err != nil || n != bound {
		t.Errorf("Len() = %d, %v, want %d", n, err, bound)
	}
}

// TestEvictedWhileItIsCreated has a client with one place start three times at once. The second record is evicted for the
// third in the middle of its Create: after any of its steps. The third alone stays, and one record is counted.
func TestEvictedWhileItIsCreated(t *testing.T) {
	t.Parallel()
	type step = func(*redis.Creation, context.Context)
	keep, enter, shard := (*redis.Creation).Keep, (*redis.Creation).Enter, (*redis.Creation).EnterShard
	for name, order := range map[string]struct{ before, after []step }{
		"before it is kept":                   {[]step{enter}, []step{keep, shard}},
		"before it is kept, after its shard":  {[]step{enter, shard}, []step{keep}},
		"before its shard knows it":           {[]step{keep, enter}, []step{shard}},
		"after all, before it has made room":  {[]step{keep, enter, shard}, nil},
		"before its shard knows it, the last": {[]step{enter, keep}, []step{shard}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, one := open(t, config(miniredis.RunT(t).Addr())), store.Bounds{Total: 1000, PerClient: 1}
			start := func(id string) *store.Record { return storetest.NewRecord(id, "client", time.Now()) }
			if _, err := st.Create(t.Context(), start("first"), one); err != nil {
				t.Fatal(err)
			}
			second := redis.BeginCreate(st, start("second"), one)
			for _, take := range order.before {
				take(second, t.Context())
			}
			if _, err := st.Create(t.Context(), start("third"), one); err != nil {
				t.Fatal(err)
			}
			for _, take := range order.after {
				take(second, t.Context())
			}
			if err := second.End(t.Context()); err != nil {
				t.Errorf("the second Create: %v", err)
			}
			for id, want := range map[string]error{"first": store.ErrNotFound, "second": store.ErrNotFound, "third": nil} {
				if _, err := st.Load(t.Context(), id); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", id, err, want)
				}
			}
			if n, err := st.Len(t.Context()); n != 1 || err != nil {
				t.Errorf("%d records are counted, %v", n, err)
			}
		})
	}
}

// TestMostPending are the figures of docs/limits.md.
func TestMostPending(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]int{0: 0, 1: 1280, 10_000: 16_896, 100_000: 120_320, 1_000_000: 1_064_192} {
		if got := redis.MostPending(total); got != want {
			t.Errorf("a total of %d is at most %d, want %d", total, got, want)
		}
	}
}

// TestRecordsSpreadEvenly: of many logins no shard has more than its share and room for chance, and each
// third of the slots has a third of the shards.
func TestRecordsSpreadEvenly(t *testing.T) {
	t.Parallel()
	const logins = 100_000
	held := make(map[string]int)
	for i := range logins {
		held[redis.IndexKey(redis.DefaultPrefix, strconv.Itoa(i))]++
	}
	most := 0
	for _, n := range held {
		most = max(most, n)
	}
	if bound := redis.MostPending(logins) / 256; len(held) != 256 || most > bound {
		t.Errorf("%d shards, of which one has %d, want 256 with up to %d", len(held), most, bound)
	}
	cluster := redistest.StartCluster(t)
	of := make(map[string]int)
	for key := range held {
		of[cluster.Owner(t, cluster.Slot(t, key)).Address]++
	}
	for address, shards := range of {
		if shards < 80 || shards > 92 {
			t.Errorf("%s has %d of 256 shards", address, shards)
		}
	}
}

// TestCutBetweenTwoShards: a replica dies between two of the commands of a start. Whichever part is
// missing, what is left hinders no other login, counts for no longer than the login could have lasted, and
// then goes.
func TestCutBetweenTwoShards(t *testing.T) {
	t.Parallel()
	b := store.Bounds{Total: 1000, PerClient: 2}
	for name, lost := range map[string]func(key string) bool{
		"the record":                  func(key string) bool { return strings.Contains(key, "}:record:") },
		"the index of its client":     func(key string) bool { return strings.Contains(key, "}:client:") },
		"the index of its shard":      func(key string) bool { return strings.HasSuffix(key, "}:open") },
		"the record and one index":    func(key string) bool { return !strings.Contains(key, "}:client:") },
		"the record and the other":    func(key string) bool { return !strings.HasSuffix(key, "}:open") },
		"both indexes":                func(key string) bool { return !strings.Contains(key, "}:record:") },
		"nothing but the last answer": func(string) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, server, clock := steered(t)
			start := func(id string) *store.Record {
				r := storetest.NewRecord(id, "192.0.2.1", clock.Now())
				if _, err := st.Create(t.Context(), r, b); err != nil {
					t.Fatalf("creating %s: %v", id, err)
				}
				clock.advance(time.Second)
				return r
			}
			before := server.Keys()
			start("cut")
			for _, key := range server.Keys() {
				if lost(key) && !slices.Contains(before, key) {
					server.Del(key)
				}
			}
			for i := range 5 {
				start(strconv.Itoa(i))
			}
			last := start("last")
			last.Phase, last.EndedAt = store.Issued, clock.Now()
			if err := st.Update(t.Context(), last); err != nil {
				t.Errorf("ending a later login: %v", err)
			}
			clock.advance(20*time.Minute + store.Retention)
			if _, err := st.Load(t.Context(), "cut"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("loading what was cut: %v", err)
			}
			wantHeld(t, st, server, 1, 1)
			for _, key := range server.Keys() {
				if server.TTL(key) == 0 {
					t.Errorf("%s stays for ever", key)
				}
			}
		})
	}
}

// TestWrongHintEndsNothing: an update that loses has marked the record as over in the indexes. It lives on, and
// no flood removes it.
func TestWrongHintEndsNothing(t *testing.T) {
	t.Parallel()
	st := open(t, config(redistest.Start(t).Address))
	ids := sameShard(40)
	b := store.Bounds{Total: 1, PerClient: 1}
	r := storetest.NewRecord(ids[0], "client", time.Now())
	if _, err := st.Create(t.Context(), r, b); err != nil {
		t.Fatal(err)
	}
	stale := *r
	r.Phase, r.FirstPresented = store.Validating, time.Now()
	if err := st.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	stale.Phase, stale.EndedAt = store.Cancelled, time.Now()
	if err := st.Update(t.Context(), &stale); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("the update that loses: %v", err)
	}
	for i, id := range ids[1:] {
		other := storetest.NewRecord(id, strconv.Itoa(i), time.Now())
		if _, err := st.Create(t.Context(), other, b); err != nil {
			t.Fatalf("creating another: %v", err)
		}
		other.Phase, other.EndedAt = store.Cancelled, time.Now()
		if err := st.Update(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := st.Load(t.Context(), ids[0]); err != nil || got.Phase != store.Validating {
		t.Errorf("the record is %+v, %v", got, err)
	}
}

// TestCensusCountsOneGateway: the prefix of one gateway begins with that of another, or looks like a part of its keys.
// The doctor would find a wrong secret where there is none, or an old one that nothing needs.
func TestCensusCountsOneGateway(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	gateways := make(map[string]*redis.Store)
	for _, prefix := range []string{"app", "app:staging", "app:ab", "app:revoked:b"} {
		c := config(s.Address)
		c.Prefix, c.Secret = prefix, bytes.Repeat([]byte(prefix), 32)
		st := open(t, c)
		st.Start()
		wantReady(t, prefix, st)
		if err := st.CreateFamily(t.Context(), family("family")); err != nil {
			t.Fatal(err)
		}
		revoke(t, st, "a")
		gateways[prefix] = st
	}
	for prefix, st := range gateways {
		found := secrets(t, st)
		if len(found) != 1 || !found[0].Canary || found[0].Revocations != 1 || found[0].Families != 1 {
			t.Errorf("%s: %+v", prefix, found)
		}
	}
}
