package redis

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// freshness knows how old the copy of the revocations is. It goes by the monotonic clock: a clock
// that is set back must not make a stale copy fresh.
type freshness struct {
	start    time.Time    // its readings count from here
	lastSync atomic.Int64 // when the last sync that succeeded began, and one; zero before it

	mu      sync.Mutex
	err     error         // why the last attempt failed
	outcome chan struct{} // closed at the end of the attempt under way
}

func newFreshness() *freshness { return &freshness{start: time.Now(), outcome: make(chan struct{})} }

// within reports whether the copy is no older than that.
func (f *freshness) within(bound time.Duration) bool {
	last := f.lastSync.Load()
	return last != 0 && time.Since(f.start)-time.Duration(last-1) <= bound
}

// succeed notes that an attempt which began at that time ended well: what the server
// knew then, this process knows.
func (f *freshness) succeed(began time.Time) {
	f.lastSync.Store(int64(began.Sub(f.start)) + 1)
	f.end(nil)
}

// fail notes how an attempt ended.
func (f *freshness) fail(err error) { f.end(err) }

func (f *freshness) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.outcome)
	f.outcome = make(chan struct{})
}

// await returns nil when the copy is no older than the bound. When it is older and the last attempt
// failed, it returns why, at once: no call queues for a server that is unavailable. When
// no attempt failed, but one is late, it waits for its outcome.
func (f *freshness) await(ctx context.Context, bound time.Duration) error {
	for !f.within(bound) {
		f.mu.Lock()
		err, outcome := f.err, f.outcome
		f.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-outcome:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
