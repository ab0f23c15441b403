package caddy_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"
)

const (
	// manyReloads is the number of reloads.
	manyReloads = 100
	// moreGoroutines is the number of goroutines that connections may add. A leak of one goroutine for each
	// configuration adds a hundred.
	moreGoroutines = 10
	// moreHeap is 5 KiB for each configuration. A leaked configuration takes about 150 KiB, its gateway alone about
	// 60 KiB. The heap after a collection varies by about 20 KiB.
	moreHeap = 512 << 10
)

// TestReloadsLeaveNothing replaces the configuration a hundred times during a login. No goroutine and no
// configuration leaks, and the login finishes.
func TestReloadsLeaveNothing(t *testing.T) {
	e := newReloadEnv(t)
	app := e.NewApp()
	app.Start(t)
	for range 10 { // fills the pools and caches of Caddy and Go
		e.reload(t)
	}
	goroutines, heap := countAfterGC(0)
	for range manyReloads {
		e.reload(t)
	}
	now, nowHeap := countAfterGC(goroutines + moreGoroutines)
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

// countAfterGC returns the number of goroutines and the heap in use, after idle connections are closed and
// garbage is collected. It waits some seconds until no more than enough goroutines are left; zero does not
// wait.
func countAfterGC(enough int) (goroutines int, heap uint64) {
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); enough > 0 && runtime.NumGoroutine() > enough && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // for what finalizers and pools held
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return runtime.NumGoroutine(), memory.HeapAlloc
}
