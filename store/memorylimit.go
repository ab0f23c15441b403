package store

import (
	"context"
	"strings"
	"time"
)

const (
	// MaxRemembered bounds the values of [Memory.Remember]. Beyond it, those that expire first go: a
	// start that is repeated may then become a second login.
	MaxRemembered = 1 << 17

	// MaxCounters bounds the keys of [Memory.Allow]. Beyond it, those with the fewest recent events go:
	// a flood from a million addresses evicts the counters of its own single events.
	MaxCounters = 1 << 17
)

// memoryLimits implements [Limits] for a [Memory].
type memoryLimits struct {
	*memoryState
	remembered *table[string]
	counters   *table[struct{}] // due at their theoretical arrival time
}

// Allow implements [Limits].
func (l *memoryLimits) Allow(ctx context.Context, quotas ...Quota) (time.Duration, error) {
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	for _, q := range quotas {
		if wait := l.allow(q); wait > 0 {
			return wait, nil
		}
	}
	return 0, nil
}

func (l *memoryLimits) allow(q Quota) (wait time.Duration) {
	if q.Limit < 1 || q.Window < 1 {
		return max(q.Window, 1)
	}
	now, key := l.now().UnixNano(), q.Owner+"\x00"+q.Name
	s := l.counters.lock(key)
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		arrival, _ := arrive(now, now, int64(q.Limit), int64(q.Window))
		s.addWithin(MaxCounters, key, struct{}{}, arrival)
		return 0
	}
	arrival, left := arrive(e.due, now, int64(q.Limit), int64(q.Window))
	s.move(e, arrival)
	return time.Duration(left)
}

// Remember implements [Limits].
func (l *memoryLimits) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	if err := l.ready(ctx); err != nil {
		return "", err
	}
	now := l.now().UnixNano()
	s := l.remembered.lock(key)
	defer s.mu.Unlock()
	if e := s.find(key); e != nil {
		if now < e.due {
			return e.value, nil
		}
		s.remove(e)
	}
	s.addWithin(MaxRemembered, key, strings.Clone(value), now+int64(ttl))
	return value, nil
}

// Recall implements [Limits].
func (l *memoryLimits) Recall(ctx context.Context, key string) (string, error) {
	if err := l.ready(ctx); err != nil {
		return "", err
	}
	s := l.remembered.lock(key)
	defer s.mu.Unlock()
	if e := s.find(key); e != nil && l.now().UnixNano() < e.due {
		return e.value, nil
	}
	return "", nil
}
