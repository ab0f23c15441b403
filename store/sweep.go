package store

import "time"

const (
	// sweepInterval is the time between two sweeps. A sweep of 100,000 records takes 0.8 s.
	sweepInterval = time.Second
	// sweepRest is the pause between two rounds of a sweep, for other goroutines.
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

// sweep drops everything that is over.
func (m *Memory) sweep(rest func() (goOn bool)) {
	now := m.now()
	m.records.sweep(now.UnixNano(), m.lapse, rest)
	m.remembered.sweep(now.UnixNano(), (*shard[string]).remove, rest)
	m.families.sweep(now.UnixNano(), (*shard[heldFamily]).remove, rest)
	m.enrolled.sweep(now.UnixNano(), (*shard[[]enrolled]).remove, rest)
	m.counters.sweep(now.UnixNano(), (*shard[struct{}]).remove, rest)
	m.revoked.Sweep(now)
}
