package store

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is a [Store] in the memory of one process, for one replica. Its content is lost when the process
// ends.
//
// It keeps at most twice [Bounds.Total] records, [MaxRemembered] values, [MaxCounters] counters,
// [MaxFamilies] families, and logins of [MaxSubjects] subjects. A record of a common size takes about
// 1 KiB.
type Memory struct {
	*memoryState
	memoryLogins
	memoryFamilies
	memoryRevocations
	memoryLimits

	stop  func()
	swept chan struct{} // closed when the sweeper has ended
}

// memoryState holds the state that all roles of a [Memory] share.
type memoryState struct {
	now    func() time.Time
	closed atomic.Bool
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store and starts its sweeper, which Close ends. It reads the time from now,
// and sweeps about every second of the real clock. It does not return expired values, even before they are
// swept.
func NewMemory(now func() time.Time) *Memory {
	state, stop := &memoryState{now: now}, make(chan struct{})
	m := &Memory{
		memoryState: state,
		memoryLogins: memoryLogins{
			memoryState: state,
			records:     newTable[heldRecord](),
			quota:       quota{clients: make(map[string]*client)},
		},
		memoryFamilies: memoryFamilies{
			memoryState: state,
			families:    newTable[heldFamily](),
			enrolled:    newTable[[]enrolled](),
		},
		memoryRevocations: memoryRevocations{memoryState: state, epoch: rand.Text()[:EpochSize]},
		memoryLimits: memoryLimits{
			memoryState: state,
			remembered:  newTable[string](),
			counters:    newTable[struct{}](),
		},
		stop:  sync.OnceFunc(func() { close(stop) }),
		swept: make(chan struct{}),
	}
	go m.sweepUntil(stop)
	return m
}

// Close implements [Store].
func (m *Memory) Close() error {
	m.closed.Store(true)
	m.stop()
	<-m.swept
	return nil
}

// ready returns an error for a context that has ended, and for every call after Close.
func (s *memoryState) ready(ctx context.Context) error {
	if s.closed.Load() {
		return ErrUnavailable
	}
	return ctx.Err()
}
