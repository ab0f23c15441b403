package redis_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestSentinelFailover: a login goes on at the server that the Sentinels promote, and so do revocations.
// The first failover is asked for, the second follows the end of a primary.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	st := open(t, sentinelConfig(s))
	login := create(t, st, "a")
	revoke(t, st, "revoked")

	s.Primary(t).AwaitReplica(t)
	s.Failover(t)
	awaitWrite(t, st)
	login.Reason = "changed after a failover"
	if err := st.Update(t.Context(), login); err != nil {
		t.Errorf("updating: %v", err)
	}
	wantRevoked(t, st, "revoked", true)

	old := s.Primary(t)
	old.AwaitReplica(t)
	old.Kill()
	s.AwaitFailover(t, old)
	awaitWrite(t, st)
	if got, err := st.Load(t.Context(), "a"); err != nil || got.Reason != login.Reason {
		t.Errorf("loading: %+v, %v", got, err)
	}
	wantRevoked(t, st, "revoked", true)
	wantFewWatchers(t)
}

// wantFewWatchers checks that clients of Sentinels leave no goroutine behind for each second, or for each
// failover. Tests that run beside this one have clients of their own.
func wantFewWatchers(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 16<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := bytes.Count(stacks, []byte("(*sentinelClient).listWatch.func")); n > 2*8 {
		t.Errorf("%d goroutines follow Sentinels", n)
	}
}

// TestClusterFailover: replicas of a Cluster take over, once asked and once after the end of a primary.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	c := config("")
	c.Addresses = cluster.Addresses()
	st := open(t, c)
	create(t, st, "a")
	revoke(t, st, "revoked")
	for i, primary := range cluster.Primaries {
		primary.AwaitReplica(t)
		if i == 1 {
			primary.Kill()
		}
		cluster.Failover(t, i)
	}
	awaitWrite(t, st)
	if _, err := st.Load(t.Context(), "a"); err != nil {
		t.Errorf("loading: %v", err)
	}
	wantRevoked(t, st, "revoked", true)
}

// awaitWrite waits until the store takes writes and checks tokens.
func awaitWrite(t *testing.T, st *redis.Store) {
	t.Helper()
	redistest.Until(t, "the store takes a write", func() bool {
		_, err := st.Remember(t.Context(), "key", "value", time.Hour)
		_, failed := st.Revoked(t.Context(), store.Credential{Login: "login"})
		return errors.Join(err, failed) == nil
	})
}
