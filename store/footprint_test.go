package store_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

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

// TestFootprint is not parallel: it measures the heap of the whole process.
func TestFootprint(t *testing.T) {
	const goal = 1229 // 1.2 KiB
	if got := perRecord(t, 100_000); got > goal {
		t.Errorf("%.0f bytes a record, want up to %d", got, goal)
	} else {
		t.Logf("%.0f bytes a record", got)
	}
}
