package store

import "time"

const (
	// sweepInterval is how long what is over may still take memory, and what it
	// takes to sweep it beyond that: 0.8 s for 100,000 records.
	sweepInterval = time.Second
	// sweepRest is how long a sweep leaves the processor to others in between.
	sweepRest = time.Millisecond
)

func (m *Memory) sweepUntil(stop <-chan struct{}) {
	defer close(m.swept)
	rest := func() (goOn bool) {
		select {
		case <-stop:
			return false
		case <-time.After(sweepRest):
			return true
		}
	}
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			m.sweep(rest)
		}
	}
}

// sweep forgets everything that is over.
func (m *Memory) sweep(rest func() (goOn bool)) {
	now := m.now()
	m.records.sweep(now.UnixNano(), m.lapse, rest)
	m.remembered.sweep(now.UnixNano(), (*shard[string]).remove, rest)
	m.families.sweep(now.UnixNano(), (*shard[heldFamily]).remove, rest)
	m.enrolled.sweep(now.UnixNano(), (*shard[[]enrolled]).remove, rest)
	m.counters.sweep(now.UnixNano(), (*shard[struct{}]).remove, rest)
	m.revoked.Sweep(now)
}
