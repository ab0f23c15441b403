package keyring

import (
	"slices"
	"sync"
	"time"
)

// Memory holds the keys of a gateway that a process knows. The zero value is empty.
type Memory struct {
	mu  sync.Mutex
	set Set
	// kept are keys that only this process verifies with.
	kept    []Key
	dropped Dropped
}

// Dropped returns the keys that this process knows to be dropped.
func (m *Memory) Dropped() Dropped {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// known returns the keys that were in force last, without those that were dropped since.
func (m *Memory) known() merged {
	m.mu.Lock()
	defer m.mu.Unlock()
	dropped := func(k Key) bool { return m.dropped.Has(k.ID) }
	return merged{
		set:  m.set.with(slices.DeleteFunc(slices.Clone(m.set.Keys), dropped)),
		kept: slices.DeleteFunc(slices.Clone(m.kept), dropped),
	}
}

func (m *Memory) keep(known merged) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set, m.kept = known.set, known.kept
}

func (m *Memory) drop(keys []droppedKey, now time.Time) Dropped {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropped = m.dropped.plus(keys, now)
	return m.dropped
}
