package store

import (
	"context"
	"time"
)

// Limits counts events and remembers values. Its methods behave as described at [Store].
type Limits interface {
	// Allow counts one event under key. It allows limit events at once, then one more every
	// window/limit, and so fewer than twice the limit in any window (the generic cell rate algorithm, a
	// leaky bucket). It returns zero for an allowed event, else the time until the next one is allowed.
	// A refused event does not count. A limit under 1 or a window under 1 ns allows nothing.
	Allow(ctx context.Context, key string, limit int, window time.Duration) (retryAfter time.Duration, err error)

	// Remember keeps value under key for ttl unless key has a value, and returns the value of key. Calls
	// at the same time all get the same value.
	Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error)

	// Recall returns the value that [Limits.Remember] keeps under key, or "".
	Recall(ctx context.Context, key string) (kept string, err error)
}

// arrive decides on one event by the generic cell rate algorithm, in nanoseconds. Arrival is the
// theoretical arrival time: the time at which the rate of limit in window has made up for all events so
// far. It returns the new one, or the old one and the wait.
func arrive(arrival, now, limit, window int64) (next, wait int64) {
	interval := max(1, window/limit)
	// An arrival further ahead was computed with another clock or limit.
	arrival = min(max(arrival, now), now+window)
	if wait := arrival + interval - now - window; wait > 0 {
		return arrival, wait
	}
	return arrival + interval, 0
}
