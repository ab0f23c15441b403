package waiting

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Latencies are the durations of requests. The zero value holds none. It is safe for concurrent use.
type Latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

// Add adds a duration.
func (l *Latencies) Add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// Append adds those of another.
func (l *Latencies) Append(other *Latencies) {
	other.mu.Lock()
	defer other.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, other.all...)
}

// Len returns their number.
func (l *Latencies) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// Quantile returns the shortest duration that a share q of them, from 0 to 1, does not exceed: the longest for 1. It
// returns zero without any.
func (l *Latencies) Quantile(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	at := int(math.Ceil(q*float64(len(l.all)))) - 1
	return l.all[min(max(at, 0), len(l.all)-1)]
}

// String returns the median, 99 % and 99.9 %, and the longest.
func (l *Latencies) String() string {
	quantile := func(q float64) string { return fmt.Sprintf("%.2f ms", l.Quantile(q).Seconds()*1e3) }
	return fmt.Sprintf("p50 %s, p99 %s, p99.9 %s, longest %s", quantile(0.5), quantile(0.99), quantile(0.999), quantile(1))
}
