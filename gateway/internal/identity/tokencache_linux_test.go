package identity

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// BenchmarkKeep fills the cache with logins and reports the longest CPU time for one of them, growth of the
// table included. No other request waits longer.
func BenchmarkKeep(b *testing.B) {
	runtime.LockOSThread() // whose time counts
	defer runtime.UnlockOSThread()
	var took []time.Duration
	l := firstOf(b, nil)
	keys := make([]tokenKey, MaxCached)
	for i := range keys {
		keys[i] = keyOf(store.App, strconv.Itoa(i))
	}
	for range b.N {
		v := newTokenCache(MaxCached, maxCachedBytes)
		for _, key := range keys {
			start := threadTime(b)
			v.keep(key, l)
			took = append(took, threadTime(b)-start)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*9999/10000].Nanoseconds())/1e3, "p99.99-us")
	b.ReportMetric(float64(took[len(took)-1].Nanoseconds())/1e3, "longest-us")
}

func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
