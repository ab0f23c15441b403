package login

import (
	"context"
	"sync"
	"time"
)

// changes wakes the requests of this process that wait for a change of a pending session. It holds entries
// only for sessions with waiting requests, so the requests bound it.
type changes struct {
	mu      sync.Mutex
	waiting map[string]*waiting
}

type waiting struct {
	changed chan struct{}
	clients int
}

// watch returns a channel that is closed at the session's next change. The caller must call done.
func (c *changes) watch(id string) (changed <-chan struct{}, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(map[string]*waiting)
	}
	w := c.waiting[id]
	if w == nil {
		w = &waiting{changed: make(chan struct{})}
		c.waiting[id] = w
	}
	w.clients++
	return w.changed, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if w.clients--; w.clients == 0 && c.waiting[id] == w {
			delete(c.waiting, id)
		}
	}
}

// announce wakes all requests that wait for the session.
func (c *changes) announce(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.waiting[id]; w != nil {
		close(w.changed)
		delete(c.waiting, id)
	}
}

// awaitChange waits until the session changes in this process, at most limit. Changes of other replicas wake
// nothing here.
func (d *driver) awaitChange(ctx context.Context, id string, limit time.Duration) error {
	changed, done := d.changes.watch(id)
	defer done()
	return d.await(ctx, changed, limit)
}

// await waits until happened is closed, at most limit. It returns an error when ctx ends or the gateway
// closes.
func (d *driver) await(ctx context.Context, happened <-chan struct{}, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-happened:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closing.Done():
		return context.Canceled
	}
	return nil
}
