package pending

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
