package store

import (
	"context"
	"time"
)

// Quota is a number of events: Limit at once, then one more every Window/Limit, and so fewer than twice Limit in
// any Window (the generic cell rate algorithm, a leaky bucket). A Limit under 1 or a Window under 1 ns allows
// nothing.
type Quota struct {
	// Owner is whose events are counted, such as an IPv6 network. [Limits.Allow] counts adjacent quotas of
	// one owner in one step.
	Owner string
	// Name distinguishes the quotas of one owner.
	Name string
	// Limit is the number of events at once.
	Limit int
	// Window is the time until Limit events are allowed again.
	Window time.Duration
}

// Limits counts events and remembers values. Its methods behave as described at [Store].
type Limits interface {
	// Allow counts one event under each quota in turn. It returns zero for an allowed event, else the
	// time until the first full quota allows one. That quota and the later ones do not count the event.
	Allow(ctx context.Context, quotas ...Quota) (retryAfter time.Duration, err error)

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
