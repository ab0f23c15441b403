package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// Remember implements [pending.Store].
func (s *Store) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	at := s.valuePlace(key)
	got, err := s.call(ctx, "remembering value", eval(s.scripts.remember, []string{at.key},
		s.sealer.seal(at, []byte(value)), roundUp(ttl, time.Millisecond)))
	if err != nil {
		return "", err
	}
	return s.openValue(ctx, at, got)
}

// Recall implements [pending.Store].
func (s *Store) Recall(ctx context.Context, key string) (string, error) {
	at := s.valuePlace(key)
	got, err := s.call(ctx, "recalling value", command{name: "GET", run: func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return client.Do(ctx, client.B().Get().Key(at.key).Build())
	}})
	if err != nil || got.IsNil() {
		return "", err
	}
	return s.openValue(ctx, at, got)
}

func (s *Store) openValue(ctx context.Context, at place, got rueidis.RedisMessage) (string, error) {
	sealed, err := got.ToString()
	if err != nil {
		return "", s.unavailable(ctx, "reading value", err)
	}
	value, err := s.sealer.open(at, sealed)
	return string(value), s.unavailable(ctx, "reading value", err)
}

func (s *Store) valuePlace(key string) place {
	return place{key: s.keys.remembered(s.sealer.name(valueName, key))}
}

// Allow implements [pending.Store]. It counts in microseconds.
func (s *Store) Allow(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if limit < 1 || window < 1 {
		return max(window, 1), nil
	}
	counter := s.keys.counter(s.sealer.name(counterName, key))
	got, err := s.call(ctx, "counting event", eval(s.scripts.allow, []string{counter},
		strconv.Itoa(limit), roundUp(window, time.Microsecond)))
	if err != nil {
		return 0, err
	}
	wait, err := got.ToInt64()
	return time.Duration(wait) * time.Microsecond, s.unavailable(ctx, "counting event", err)
}

// roundUp returns a duration in whole units, at least one, for a script.
func roundUp(d, unit time.Duration) string {
	return strconv.FormatInt(max(int64((d+unit-1)/unit), 1), 10)
}
