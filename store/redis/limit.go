package redis

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// limits is the [store.Limits] of a [Store].
type limits struct{ *connection }

// Remember implements [store.Limits].
func (l limits) Remember(ctx context.Context, key, value string, ttl time.Duration) (string, error) {
	if err := l.ready(ctx); err != nil {
		return "", err
	}
	at := l.valuePlace(key)
	got, err := l.call(ctx, "remembering value", eval(l.scripts.remember, []string{at.Key},
		l.sealer.Seal(at, []byte(value)), roundUp(ttl, time.Millisecond)))
	if err != nil {
		return "", err
	}
	return l.openValue(ctx, at, got)
}

// Recall implements [store.Limits].
func (l limits) Recall(ctx context.Context, key string) (string, error) {
	if err := l.ready(ctx); err != nil {
		return "", err
	}
	at := l.valuePlace(key)
	got, err := l.call(ctx, "recalling value", plain("GET", func(b rueidis.Builder) rueidis.Completed { return b.Get().Key(at.Key).Build() }))
	if err != nil || got.IsNil() {
		return "", err
	}
	return l.openValue(ctx, at, got)
}

func (l limits) openValue(ctx context.Context, at seal.Place, got rueidis.RedisMessage) (string, error) {
	sealed, err := got.ToString()
	if err != nil {
		return "", l.unavailable(ctx, "reading value", err)
	}
	value, err := l.sealer.Open(at, sealed)
	return string(value), l.unavailable(ctx, "reading value", err)
}

func (l limits) valuePlace(key string) seal.Place {
	return seal.Place{Key: l.keys.remembered(l.sealer.Name(valueName, key))}
}

// Allow implements [store.Limits]. It counts in microseconds, and asks once for all neighbours of one
// owner.
func (l limits) Allow(ctx context.Context, quotas ...store.Quota) (time.Duration, error) {
	if err := l.ready(ctx); err != nil {
		return 0, err
	}
	for len(quotas) > 0 {
		n := 1
		for n < len(quotas) && quotas[n].Owner == quotas[0].Owner {
			n++
		}
		if wait, err := l.allow(ctx, quotas[:n]); wait > 0 || err != nil {
			return wait, err
		}
		quotas = quotas[n:]
	}
	return 0, nil
}

// allow counts one event under quotas of one owner. The counters of an owner are in one key: they are
// read and written in one step, also while their slot moves.
func (l limits) allow(ctx context.Context, quotas []store.Quota) (time.Duration, error) {
	var args []string
	var refused time.Duration
	for _, q := range quotas {
		if q.Limit < 1 || q.Window < 1 {
			refused = max(q.Window, 1)
			break
		}
		args = append(args, l.sealer.Name(counterName, q.Name), strconv.Itoa(q.Limit), roundUp(q.Window, time.Microsecond))
	}
	if len(args) == 0 {
		return refused, nil
	}
	got, err := l.call(ctx, "counting event", eval(l.scripts.allow, []string{l.keys.counters(l.sealer.Name(ownerName, quotas[0].Owner))}, args...))
	if err != nil {
		return 0, err
	}
	wait, err := got.ToInt64()
	if err != nil {
		return 0, l.unavailable(ctx, "counting event", err)
	}
	return cmp.Or(time.Duration(wait)*time.Microsecond, refused), nil
}

// roundUp returns a duration in whole units, at least one, for a script.
func roundUp(d, unit time.Duration) string {
	return strconv.FormatInt(max(int64((d+unit-1)/unit), 1), 10)
}
