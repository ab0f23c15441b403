package store_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// size is how many records the benchmarks have beside the one they work on.
const size = 100_000

// BenchmarkCreate starts logins in a store that is full, so that each evicts one.
func BenchmarkCreate(b *testing.B) {
	s := full(b, size, time.Now)
	defer s.Close()
	bounds := store.Bounds{Total: size, PerClient: 60}
	records := make([]*store.Record, 1<<16)
	for i := range records {
		records[i] = record(size+i, time.Now())
	}
	i := 0
	for b.Loop() {
		r := *records[i%len(records)]
		r.ID += strconv.Itoa(i)
		if _, err := s.Create(b.Context(), &r, bounds); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkLoad(b *testing.B) {
	s := full(b, size, time.Now)
	defer s.Close()
	ids := make([]string, 1<<12)
	for i := range ids {
		ids[i] = record(i, time.Now()).ID
	}
	b.ReportAllocs()
	b.ResetTimer()
	var serial atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		for i := int(serial.Add(1)); p.Next(); i++ {
			if _, err := s.Load(b.Context(), ids[i%len(ids)]); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	s := full(b, size, time.Now)
	defer s.Close()
	r, err := s.Load(b.Context(), record(1, time.Now()).ID)
	if err != nil {
		b.Fatal(err)
	}
	r.Phase = store.Validating
	b.ReportAllocs()
	for b.Loop() {
		r.Fence++
		if err := s.Update(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	s := full(b, 1, time.Now)
	defer s.Close()
	keys := make([]string, 1<<12)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := s.Allow(b.Context(), store.Quota{Owner: keys[i%len(keys)], Limit: 60, Window: time.Minute}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkRevoked(b *testing.B) {
	for _, revoked := range []int{0, 100_000} {
		b.Run(strconv.Itoa(revoked), func(b *testing.B) {
			s := full(b, 1, time.Now)
			defer s.Close()
			for i := range revoked {
				v := store.Revocation{Scope: store.ScopeLogin, ID: record(i, time.Now()).ID, Until: time.Now().Add(time.Hour)}
				if err := s.Revoke(b.Context(), v); err != nil {
					b.Fatal(err)
				}
			}
			r := record(revoked+1, time.Now())
			c := store.Credential{TokenID: r.ID, Login: r.ID, Subject: r.SignicatID, IssuedAt: time.Now()}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if got, err := s.Revoked(b.Context(), c); got || err != nil {
						b.Errorf("Revoked = %t, %v", got, err)
					}
				}
			})
		})
	}
}

// BenchmarkFootprint reports the live heap that a record takes.
func BenchmarkFootprint(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				b.ReportMetric(perRecord(b, n), "B/record")
			}
		})
	}
}

// BenchmarkLoadWhileExpiring loads one record again and again while all others
// expire and are forgotten, and reports how long a caller had to wait.
func BenchmarkLoadWhileExpiring(b *testing.B) {
	for range b.N {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		s := full(b, size, now)
		kept := record(size, now().Add(time.Hour))
		if _, err := s.Create(b.Context(), kept, store.Bounds{Total: size + 1, PerClient: 1}); err != nil {
			b.Fatal(err)
		}
		ahead.Store(int64(30 * time.Minute))
		var waits []time.Duration
		for n := size + 1; n > 1; n, _ = s.Len(b.Context()) {
			start := time.Now()
			if _, err := s.Load(b.Context(), kept.ID); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, time.Since(start))
		}
		slices.Sort(waits)
		b.ReportMetric(float64(waits[len(waits)*999/1000].Nanoseconds())/1e3, "p99.9-us")
		b.ReportMetric(float64(waits[len(waits)-1].Nanoseconds())/1e3, "longest-us")
		s.Close()
	}
}

// record returns one of many records, with values as random as real ones.
func record(i int, now time.Time) *store.Record {
	sum := sha256.Sum256(binary.AppendUvarint(nil, uint64(i)))
	id := base64.RawURLEncoding.EncodeToString(sum[:])
	client := fmt.Sprintf("10.%d.%d.%d", byte(i>>16), byte(i>>8), byte(i))
	r := storetest.NewRecord(id, client, now)
	r.SignicatID = fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	r.TransactionID = fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", sum[16:20], sum[20:22], sum[22:24], sum[24:26], sum[26:32])
	r.Challenge = id[1:] + "x"
	return r
}

// full returns a store with n records, each of a client of its own.
func full(tb testing.TB, n int, now func() time.Time) *store.Memory {
	tb.Helper()
	s := store.NewMemory(now)
	for i := range n {
		if _, err := s.Create(tb.Context(), record(i, now()), store.Bounds{Total: n, PerClient: 1}); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// perRecord measures the live heap of a full store.
func perRecord(tb testing.TB, n int) float64 {
	tb.Helper()
	before := live()
	s := full(tb, n, time.Now)
	after := live()
	if err := s.Close(); err != nil {
		tb.Error(err)
	}
	return float64(after-before) / float64(n)
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
