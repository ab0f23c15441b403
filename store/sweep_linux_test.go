package store

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkSweep empties a store in which everything expired at once, and reports
// for how long the sweep holds a lock. It counts the CPU time of its thread: by the
// clock on the wall, a busy machine shows how long it left the thread waiting.
func BenchmarkSweep(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var holds []time.Duration
			for range b.N {
				b.StopTimer()
				m := expiring(b, n)
				b.StartTimer()
				holds = append(holds, sweepTimed(m, frozen().Add(2*time.Minute))...)
				holds = append(holds, sweepTimed(m, frozen().Add(time.Hour))...)
				b.StopTimer()
				if left := size(b, m.records); left != 0 {
					b.Fatalf("%d records are left", left)
				}
				m.Close()
			}
			slices.Sort(holds)
			b.ReportMetric(float64(holds[len(holds)*999/1000].Nanoseconds())/1e3, "p99.9-lock-us")
			b.ReportMetric(float64(holds[len(holds)-1].Nanoseconds())/1e3, "longest-lock-us")
		})
	}
}

// expiring returns a store of n records that expire in a minute.
func expiring(tb testing.TB, n int) *Memory {
	tb.Helper()
	m := NewMemory(frozen)
	for i := range n {
		r := Record{ID: strconv.Itoa(i), Client: strconv.Itoa(i / 5), ExpiresAt: frozen().Add(time.Minute)}
		if _, err := m.Create(tb.Context(), &r, Bounds{Total: n, PerClient: n}); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

// sweepTimed is a table's sweep with a clock beside it.
func sweepTimed(m *Memory, now time.Time) (holds []time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for more := true; more; {
		more = false
		for i := range m.records.shards {
			start := threadTime()
			full := m.records.shards[i].sweep(now.UnixNano(), m.lapse)
			holds = append(holds, threadTime()-start)
			more = more || full
		}
	}
	return holds
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // a kernel without that clock
	}
	return time.Duration(t.Nano())
}
