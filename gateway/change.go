package gateway

import "sync"

// changes tells whoever waits in this process that a pending session changed. It holds an
// entry only for sessions that somebody waits for, so it is bounded by the requests.
type changes struct {
	mu      sync.Mutex
	waiting map[string]*waiting
}

type waiting struct {
	changed chan struct{}
	clients int
}

// watch returns a channel that is closed at the session's next change. The caller calls done.
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

// announce wakes everybody who waits for the session.
func (c *changes) announce(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.waiting[id]; w != nil {
		close(w.changed)
		delete(c.waiting, id)
	}
}
