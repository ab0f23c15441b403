// Package clockwatch compares this machine's clock with a peer's.
package clockwatch

import (
	"sync"
	"time"
)

// Watch holds the last comparison of this machine's clock with a peer's. The zero value holds none. It is
// safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
	off   bool
}

// back is the share of the limit below which a clock counts as right again. A clock near the limit then does
// not change with every comparison.
const back = 0.9

// Note records a comparison. It reports whether the clock is off by more than limit, and whether that
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

// Ahead returns the last comparison. known is false before the first one.
func (w *Watch) Ahead() (ahead time.Duration, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ahead, w.known
}
