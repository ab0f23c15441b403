package login

import (
	"context"
	"sync"
	"time"
)

// tasks are the goroutines that outlive the request that started them.
type tasks struct {
	mu     sync.Mutex
	closed bool
	all    sync.WaitGroup
}

// run starts f. A server that is being replaced still answers requests after close; what those
// start is not waited for any more.
func (t *tasks) run(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		go f()
		return
	}
	t.all.Go(f)
}

// close waits for everything that was started before.
func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.all.Wait()
}

// after runs work that outlives its request, under a deadline of its own. The values of ctx go
// along, and with them its span: what was done stays below the request that asked for it, where a
// link would make a second trace of it. It may end after the request does.
func (d *driver) after(ctx context.Context, limit time.Duration, f func(context.Context)) {
	d.work.run(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		f(ctx)
	})
}
