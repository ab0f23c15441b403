package redis

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// pulse knows how long ago this process was in step with Redis. It goes by the
// monotonic clock: one that is set back must not keep a stale copy good.
type pulse struct {
	start time.Time    // its readings count from here
	beat  atomic.Int64 // when the last successful attempt began, and one; zero before it

	mu      sync.Mutex
	err     error         // why the last attempt failed
	outcome chan struct{} // closed at the end of the attempt under way
}

func newPulse() *pulse { return &pulse{start: time.Now(), outcome: make(chan struct{})} }

// fresh tells whether the copy is young enough to answer from.
func (p *pulse) fresh() bool {
	beat := p.beat.Load()
	return beat != 0 && time.Since(p.start)-time.Duration(beat-1) <= MaxStaleness
}

// succeed notes that an attempt which began at that time ended well: what the server
// knew then, this process knows.
func (p *pulse) succeed(began time.Time) {
	p.beat.Store(int64(began.Sub(p.start)) + 1)
	p.end(nil)
}

// fail notes how an attempt ended.
func (p *pulse) fail(err error) { p.end(err) }

func (p *pulse) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	close(p.outcome)
	p.outcome = make(chan struct{})
}

// await returns nil when the copy is fresh. When it is stale and the last attempt
// failed, it returns why, at once: nobody queues for a server that is away. When no
// attempt failed, but one is late, it waits for its outcome.
func (p *pulse) await(ctx context.Context) error {
	for !p.fresh() {
		p.mu.Lock()
		err, outcome := p.err, p.outcome
		p.mu.Unlock()
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
