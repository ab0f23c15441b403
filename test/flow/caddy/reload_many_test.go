package caddy_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"
)

const (
	// manyReloads is how many configurations replace each other.
	manyReloads = 100
	// moreGoroutines is what connections that come and go may account for. One goroutine left by each configuration
	// would be a hundred.
	moreGoroutines = 10
	// moreHeap is 5 KiB for each configuration. One that is kept takes some 150 KiB, its gateway alone some 60; the
	// heap after a collection varies by about 20 KiB in all.
	moreHeap = 512 << 10
)

// TestReloadsLeaveNothing replaces the configuration a hundred times, under a login that began before.
func TestReloadsLeaveNothing(t *testing.T) {
	r := openReloading(t)
	app := r.NewApp()
	app.Start(t)
	for range 10 { // pools and caches of Caddy and Go fill once
		r.reload(t)
	}
	goroutines, heap := settled(0)
	for range manyReloads {
		r.reload(t)
	}
	now, nowHeap := settled(goroutines + moreGoroutines)
	if now > goroutines+moreGoroutines {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines became %d:\n%s", goroutines, now, stacks[:runtime.Stack(stacks, true)])
	}
	if nowHeap > heap+moreHeap {
		t.Errorf("the heap grew from %d to %d KiB", heap>>10, nowHeap>>10)
	}
	code, state := app.Approve(t, "adult")
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("the login that was under way: %d %s", got.Status, got.Body)
	}
}

// settled is how many goroutines there are, and the heap, once connections are closed and garbage is collected. It
// waits some seconds for the goroutines to become few enough; zero does not wait.
func settled(enough int) (goroutines int, heap uint64) {
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); enough > 0 && runtime.NumGoroutine() > enough && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return runtime.NumGoroutine(), memory.HeapAlloc
}
