//go:build measure

package redis_test

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

const (
	measuredReplicas    = 10
	measuredRevocations = 100_000
)

// TestMeasureWriteBack has Redis lose its data under ten replicas that know 100,000 revocations. It logs
// how many writes bring them back, and for how long the replicas refuse everything meanwhile.
func TestMeasureWriteBack(t *testing.T) {
	s := redistest.Start(t)
	replicas := make([]*redis.Store, measuredReplicas)
	for i := range replicas {
		replicas[i] = open(t, config(s.Address))
	}
	began := time.Now()
	revokeMany(t, replicas[0], measuredRevocations)
	t.Logf("%d revocations in %v", measuredRevocations, time.Since(began).Round(time.Millisecond))
	for _, r := range replicas {
		awaitRevoked(t, r, strconv.Itoa(measuredRevocations-1))
	}
	s.Do(t, "CONFIG", "RESETSTAT")
	s.Do(t, "FLUSHALL")
	lost := time.Now()
	var refused [measuredReplicas]time.Duration
	var admitted atomic.Int64
	var watchers sync.WaitGroup
	complete := make(chan struct{})
	for i, r := range replicas {
		watchers.Go(func() { refused[i] = watchRefusals(t, r, complete, &admitted) })
	}
	redistest.Until(t, "everything is back", func() bool { return longest(t, s) >= measuredRevocations })
	t.Logf("everything is back after %v", time.Since(lost).Round(10*time.Millisecond))
	<-time.After(3 * time.Second) // what other replicas write beyond
	close(complete)
	watchers.Wait()
	t.Logf("refused, by replica: %v", refused)
	t.Logf("revoked tokens that were accepted: %d", admitted.Load())
	for _, name := range []string{"evalsha", "hsetnx", "zadd", "sadd", "rpush"} {
		found := regexp.MustCompile(`cmdstat_` + name + `:calls=(\d+)`).FindStringSubmatch(s.Text(t, "INFO", "commandstats"))
		if found != nil {
			t.Logf("%s: %s calls", name, found[1])
		}
	}
	recruit := open(t, config(s.Address))
	for i := range measuredRevocations {
		wantRevoked(t, recruit, strconv.Itoa(i), true)
	}
}

func revokeMany(t *testing.T, s store.Store, count int) {
	var next atomic.Int64
	var writers sync.WaitGroup
	until := time.Now().Add(8 * time.Hour)
	for range 64 {
		writers.Go(func() {
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				v := store.Revocation{Scope: store.ScopeLogin, ID: strconv.FormatInt(i, 10), Until: until}
				if err := s.Revoke(t.Context(), v); err != nil {
					t.Errorf("revoking: %v", err)
					return
				}
			}
		})
	}
	writers.Wait()
}

// watchRefusals returns for how long a replica answered nothing.
func watchRefusals(t *testing.T, s store.Store, complete <-chan struct{}, admitted *atomic.Int64) (refused time.Duration) {
	last := time.Now()
	for i := 0; ; i++ {
		select {
		case <-complete:
			return refused.Round(time.Millisecond)
		case <-time.After(5 * time.Millisecond):
		}
		revoked, err := s.Revoked(t.Context(), store.Credential{Login: strconv.Itoa(i * 7919 % measuredRevocations)})
		now := time.Now()
		if err != nil || now.Sub(last) > 500*time.Millisecond {
			refused += now.Sub(last)
		} else if !revoked {
			admitted.Add(1)
		}
		last = now
	}
}

// longest returns how many entries the longest list has.
func longest(t *testing.T, s *redistest.Server) (count int64) {
	names, err := s.Do(t, "KEYS", "*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range names {
		length := map[string]string{"list": "LLEN", "zset": "ZCARD"}[s.Text(t, "TYPE", key)]
		if length == "" {
			continue
		}
		n, err := s.Do(t, length, key).ToInt64()
		if err != nil {
			t.Fatal(err)
		}
		count = max(count, n)
	}
	return count
}

const (
	standbyRounds = 20
	standbyCalls  = 200 // of a round
)

// TestMeasureStandby logs what WAIT adds to the calls that wait for standbys: each at a server without one, and at a
// primary with one, in turns. A read that waits for none shows what the standby itself costs.
func TestMeasureStandby(t *testing.T) {
	primary, _ := redistest.StartPair(t)
	stores := [2]*redis.Store{open(t, config(redistest.Start(t).Address)), open(t, config(primary.Address))}
	for _, row := range []struct {
		what string
		call func(context.Context, *redis.Store, string) error
	}{
		{"a read", func(ctx context.Context, s *redis.Store, _ string) error { _, err := s.Recall(ctx, "key"); return err }},
		{"a new family", func(ctx context.Context, s *redis.Store, id string) error { return s.CreateFamily(ctx, family(id)) }},
		{"a change of a family", func(ctx context.Context, s *redis.Store, id string) error {
			f := family(id)
			f.Version = 1
			return s.UpdateFamily(ctx, f)
		}},
		{"a revocation", func(ctx context.Context, s *redis.Store, id string) error {
			return s.Revoke(ctx, store.Revocation{Scope: store.ScopeLogin, ID: id, Until: time.Now().Add(time.Hour)})
		}},
	} {
		var took [2][]time.Duration
		for round := range standbyRounds {
			for i, s := range stores {
				for n := range standbyCalls {
					id := strconv.Itoa(round*standbyCalls + n)
					began := time.Now()
					if err := row.call(t.Context(), s, id); err != nil {
						t.Fatalf("%s: %v", row.what, err)
					}
					took[i] = append(took[i], time.Since(began))
				}
			}
		}
		var median, tail [2]time.Duration
		for i := range took {
			slices.Sort(took[i])
			median[i], tail[i] = took[i][len(took[i])/2], took[i][len(took[i])*99/100]
		}
		t.Logf("%s: median %v without a standby, %v with one (%.2f times); 99%% %v and %v (%.2f times)", row.what,
			median[0], median[1], float64(median[1])/float64(median[0]), tail[0], tail[1], float64(tail[1])/float64(tail[0]))
	}
}
