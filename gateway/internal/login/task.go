package login

import (
	"context"
	"sync"
	"time"
)

// tasks holds the goroutines that may outlive the request that started them.
type tasks struct {
	mu     sync.Mutex
	closed bool
	all    sync.WaitGroup
}

// run runs f in a goroutine. A server that is being replaced still answers requests after close. close does
// not wait for goroutines that those start.
func (t *tasks) run(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		go f()
		return
	}
	t.all.Go(f)
}

// close waits for all goroutines that were started before.
func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.all.Wait()
}

// runDetached runs f in a goroutine that may outlive the request, under a deadline of its own. f gets the values of
// ctx, and with them the span: its work then belongs to the trace of the request, where a link would make a
// second trace.
func (d *driver) runDetached(ctx context.Context, limit time.Duration, f func(context.Context)) {
	d.work.run(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		f(ctx)
	})
}
