package redis

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

var errAway = errors.New("away")

func TestFreshness(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		live func(*freshness)
		want error
	}{
		"a success just now":                     {func(p *freshness) { p.succeed(time.Now()) }, nil},
		"a success that is as old as it may be":  {func(p *freshness) { p.succeed(time.Now()); <-time.After(store.MaxStaleness) }, nil},
		"a failure after a success just now":     {func(p *freshness) { p.succeed(time.Now()); p.fail(errAway) }, nil},
		"a failure and nothing before":           {func(p *freshness) { p.fail(errAway) }, errAway},
		"a failure after a success that is old":  {func(p *freshness) { p.succeed(time.Now()); <-time.After(store.MaxStaleness + 1); p.fail(errAway) }, errAway},
		"a success that took too long":           {func(p *freshness) { p.succeed(time.Now().Add(-store.MaxStaleness - 1)) }, context.DeadlineExceeded},
		"no attempt yet":                         {func(*freshness) {}, context.DeadlineExceeded},
		"an attempt that is late":                {func(p *freshness) { p.succeed(time.Now()); <-time.After(time.Minute) }, context.DeadlineExceeded},
		"a late attempt that then succeeds":      {func(p *freshness) { time.AfterFunc(time.Second, func() { p.succeed(time.Now()) }) }, nil},
		"a late attempt that then fails":         {func(p *freshness) { time.AfterFunc(time.Second, func() { p.fail(errAway) }) }, errAway},
		"a success after failures, however many": {func(p *freshness) { p.fail(errAway); p.fail(errAway); p.succeed(time.Now()) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newFreshness()
				row.live(p)
				limited, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if err := p.await(limited, store.MaxStaleness); !errors.Is(err, row.want) {
					t.Errorf("await: %v, want %v", err, row.want)
				}
			})
		})
	}
}

// TestFreshnessHasABound: what is too old for one caller may be young enough for another.
func TestFreshnessHasABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newFreshness()
		p.succeed(time.Now())
		<-time.After(MaxStaleness)
		if p.within(store.MaxStaleness) || !p.within(MaxStaleness) {
			t.Errorf("after %v: within(%v) is %t, within(%v) is %t", MaxStaleness,
				store.MaxStaleness, p.within(store.MaxStaleness), MaxStaleness, p.within(MaxStaleness))
		}
		<-time.After(1)
		if p.within(MaxStaleness) {
			t.Errorf("a copy that is older than %v is within it", MaxStaleness)
		}
	})
}
