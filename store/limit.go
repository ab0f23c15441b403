package store

import (
	"context"
	"time"
)

// Limits keeps what bounds the number of calls: events that are counted, and values that are
// remembered. Its methods are called and fail as those of a [Store].
type Limits interface {
	// Allow counts one event under key, of which limit may happen at once and then
	// one more every window/limit; in any window thus fewer than twice the limit
	// (the generic cell rate algorithm, a leaky bucket). It returns zero when the
	// event is allowed, else how long to wait for the next to be; a refused event
	// counts nothing. A limit under 1 or a window under 1 ns allows nothing.
	Allow(ctx context.Context, key string, limit int, window time.Duration) (retryAfter time.Duration, err error)

	// Remember keeps value under key for ttl unless a value is there, and returns
	// the one that is there now: of many that remember at once all get the same.
	Remember(ctx context.Context, key, value string, ttl time.Duration) (kept string, err error)

	// Recall returns the value that [Limits.Remember] keeps under key, or the empty
	// string when there is none.
	Recall(ctx context.Context, key string) (kept string, err error)
}

// arrive decides on one event by the generic cell rate algorithm, in nanoseconds.
// Arrival is the theoretical arrival time: when all events so far will have been
// paid for at the rate of limit in window. It returns the new one, or the old one
// and how long to wait.
func arrive(arrival, now, limit, window int64) (next, wait int64) {
	interval := max(1, window/limit)
	// An arrival further ahead is from before the clock or the limit was changed.
	arrival = min(max(arrival, now), now+window)
	if wait := arrival + interval - now - window; wait > 0 {
		return arrival, wait
	}
	return arrival + interval, 0
}
