package pending

import "time"

// sweepInterval is how long what is over may still take memory.
const sweepInterval = time.Second

func (m *Memory) sweepUntil(stop <-chan struct{}) {
	defer close(m.swept)
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			m.sweep()
		}
	}
}

// sweep forgets everything that is over.
func (m *Memory) sweep() {
	now := m.now()
	m.records.sweep(now.UnixNano(), m.lapse)
	m.remembered.sweep(now.UnixNano(), (*shard[string]).remove)
	m.families.sweep(now.UnixNano(), (*shard[heldFamily]).remove)
	m.counters.sweep(now.UnixNano(), (*shard[struct{}]).remove)
	m.revoked.Sweep(now)
}

// lapse takes the next step with a record that is due.
func (m *Memory) lapse(s *shard[held], e *entry[held]) {
	if e.due >= e.value.keepUntil {
		m.forget(s, e)
		return
	}
	m.ledger.settle(e.value.ticket, over)
	s.move(e, e.value.keepUntil)
}

func (m *Memory) forget(s *shard[held], e *entry[held]) {
	m.ledger.settle(e.value.ticket, gone)
	s.remove(e)
}
