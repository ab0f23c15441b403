package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// limits is the [store.Limits] of a [Store].
type limits struct{ *connection }

// Remember implements [store.Limits].
func (l limits) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	at := l.valuePlace(key)
	got, err := l.call(ctx, "remembering value", eval(l.scripts.remember, []string{at.key},
		l.sealer.seal(at, []byte(value)), roundUp(ttl, time.Millisecond)))
	if err != nil {
		return "", err
	}
	return l.openValue(ctx, at, got)
}

// Recall implements [store.Limits].
func (l limits) Recall(ctx context.Context, key string) (string, error) {
	at := l.valuePlace(key)
	got, err := l.call(ctx, "recalling value", command{name: "GET", run: func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return client.Do(ctx, client.B().Get().Key(at.key).Build())
	}})
	if err != nil || got.IsNil() {
		return "", err
	}
	return l.openValue(ctx, at, got)
}

func (l limits) openValue(ctx context.Context, at place, got rueidis.RedisMessage) (string, error) {
	sealed, err := got.ToString()
	if err != nil {
		return "", l.unavailable(ctx, "reading value", err)
	}
	value, err := l.sealer.open(at, sealed)
	return string(value), l.unavailable(ctx, "reading value", err)
}

func (l limits) valuePlace(key string) place {
	return place{key: l.keys.remembered(l.sealer.name(valueName, key))}
}

// Allow implements [store.Limits]. It counts in microseconds.
func (l limits) Allow(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	if limit < 1 || window < 1 {
		return max(window, 1), nil
	}
	counter := l.keys.counter(l.sealer.name(counterName, key))
	got, err := l.call(ctx, "counting event", eval(l.scripts.allow, []string{counter},
		strconv.Itoa(limit), roundUp(window, time.Microsecond)))
	if err != nil {
		return 0, err
	}
	wait, err := got.ToInt64()
	return time.Duration(wait) * time.Microsecond, l.unavailable(ctx, "counting event", err)
}

// roundUp returns a duration in whole units, at least one, for a script.
func roundUp(d, unit time.Duration) string {
	return strconv.FormatInt(max(int64((d+unit-1)/unit), 1), 10)
}
