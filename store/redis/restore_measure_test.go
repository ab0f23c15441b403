//go:build measure

package redis_test

import (
	"regexp"
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
