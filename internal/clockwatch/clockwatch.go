// Package clockwatch keeps how far this machine's clock is ahead of a peer's.
package clockwatch

import (
	"sync"
	"time"
)

// Watch compares this machine's clock with a peer's. The zero value has compared nothing. It is safe for
// concurrent use.
type Watch struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
	off   bool
}

// back is the share of the limit within which a clock counts as right again, so that one at the limit
// does not change with every comparison.
const back = 0.9

// Note keeps a comparison. It reports whether the clock is off by more than limit, and whether that
// changed.
func (w *Watch) Note(ahead, limit time.Duration) (off, changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.off
	if was {
		limit = time.Duration(back * float64(limit))
	}
	w.ahead, w.known, w.off = ahead, true, ahead.Abs() > limit
	return w.off, w.off != was
}

// Ahead returns the last comparison; known is false before the first one.
func (w *Watch) Ahead() (ahead time.Duration, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ahead, w.known
}
