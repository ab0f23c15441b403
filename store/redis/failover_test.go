package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestConfirmedRevocationsSurviveAPrimary: a primary of a Cluster dies while revocations are made. Those that were
// answered without an error are at its replica, which takes over. No gateway is left that could write them back.
func TestConfirmedRevocationsSurviveAPrimary(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	c := brief("")
	c.Addresses = cluster.Addresses()
	st := open(t, c)
	for _, primary := range cluster.Primaries {
		primary.AwaitReplica(t)
	}
	const workers, each = 4, 20
	confirmed, enough := make([][]string, workers), make(chan struct{}, workers)
	var load sync.WaitGroup
	for w := range workers {
		load.Go(func() {
			for i := 0; ; i++ {
				if i == each {
					enough <- struct{}{}
				}
				id := fmt.Sprintf("%d of worker %d", i, w)
				lasts := time.Duration(1+i%16) * time.Hour // the lists of sixteen hours are on all nodes
				if st.Revoke(t.Context(), store.Revocation{Scope: store.ScopeLogin, ID: id, Until: time.Now().Add(lasts)}) != nil {
					if i < each {
						enough <- struct{}{}
					}
					return
				}
				confirmed[w] = append(confirmed[w], id)
			}
		})
	}
	for range workers {
		<-enough
	}
	cluster.Primaries[1].Kill()
	load.Wait()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	cluster.Failover(t, 1)
	fresh := open(t, c)
	awaitWrite(t, fresh)
	all := slices.Concat(confirmed...)
	for _, id := range all {
		wantRevoked(t, fresh, id, true)
	}
	if len(all) < workers*each {
		t.Errorf("only %d revocations were confirmed", len(all))
	}
}

// TestWrongSecretKeepsItsConnection: a replica with another secret looks at Redis again and again. The primary answers
// it, so that it asks the Sentinels for no other one. Another client would cut off the calls of the doctor.
func TestWrongSecretKeepsItsConnection(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	right := open(t, sentinelConfig(s))
	right.Start()
	wantReady(t, "the replica with the secret", right)
	if err := right.Close(); err != nil {
		t.Fatal(err)
	}
	c := sentinelConfig(s)
	c.Secret = otherSecret
	wrong, primary := open(t, c), s.Primary(t)
	redistest.Until(t, "the secret is found to be wrong", func() bool {
		_, err := wrong.Revoked(t.Context(), store.Credential{TokenID: "token"})
		return errors.Is(err, redis.ErrUnreadable)
	})
	before, looks := ownConnections(t, primary), roleCalls(t, primary)
	redistest.Until(t, "it looks again", func() bool { return roleCalls(t, primary) >= looks+5 })
	if diff := cmp.Diff(before, ownConnections(t, primary)); diff != "" {
		t.Errorf("connections of the gateway (-before +after):\n%s", diff)
	}
	if all := secrets(t, wrong); len(all) != 2 {
		t.Errorf("the doctor counts %+v", all)
	}
}

// ownConnections returns the IDs of the connections that a store made to a server.
func ownConnections(t *testing.T, s *redistest.Server) (ids []string) {
	t.Helper()
	for line := range strings.Lines(s.Text(t, "CLIENT", "LIST")) {
		if strings.Contains(line, " name=caddy-itsme ") {
			ids = append(ids, strings.Fields(line)[0])
		}
	}
	return ids
}

var roleCallsOf = regexp.MustCompile(`cmdstat_role:calls=(\d+)`)

// roleCalls returns how often a server was asked for its role: a store asks with every look at the revocations.
func roleCalls(t *testing.T, s *redistest.Server) (n int) {
	t.Helper()
	if found := roleCallsOf.FindStringSubmatch(s.Text(t, "INFO", "commandstats")); found != nil {
		n, _ = strconv.Atoi(found[1])
	}
	return n
}

// TestNodeThatDoesNotAnswerHoldsUpNoOther: one node of a Cluster takes no writes for a while. Calls that wait for it must
// not take the turns of calls to the other nodes.
func TestNodeThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	c := config(cluster.Addresses()[0])
	c.Timeout = 20 * time.Second
	st := open(t, c)
	silent := cluster.Primaries[0]
	on, elsewhere := familyOn(t, st, silent)
	silent.Do(t, "CLIENT", "PAUSE", "60000", "WRITE")
	var waiting sync.WaitGroup
	for range redis.WaitingConns {
		waiting.Go(func() { _ = st.DeleteFamily(t.Context(), on) })
	}
	redistest.Until(t, "all calls to the node wait", func() bool {
		return strings.Contains(silent.Text(t, "INFO", "clients"), "blocked_clients:"+strconv.Itoa(redis.WaitingConns))
	})
	limited, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := st.DeleteFamily(limited, elsewhere); err != nil {
		t.Errorf("deleting at another node: %v", err)
	}
	silent.Do(t, "CLIENT", "UNPAUSE")
	waiting.Wait()
}

// familyOn keeps families until one is on that node of a Cluster and one is not. It returns both.
func familyOn(t testing.TB, st *redis.Store, node *redistest.Server) (on, elsewhere string) {
	t.Helper()
	size := func() int64 {
		n, err := node.Do(t, "DBSIZE").ToInt64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i, had := 0, size(); on == "" || elsewhere == ""; i++ {
		id := strconv.Itoa(i)
		if err := st.CreateFamily(t.Context(), family(id)); err != nil {
			t.Fatal(err)
		}
		if has := size(); has != had {
			on, had = id, has
		} else {
			elsewhere = id
		}
	}
	return on, elsewhere
}

// TestDeadStandbyOfAClusterIsNotAsked: the standbys of a Cluster die. A store that counts its records needs none of them.
func TestDeadStandbyOfAClusterIsNotAsked(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, "--cluster-node-timeout", "60000")
	c := config("")
	c.Addresses = cluster.Addresses()
	st := open(t, c)
	create(t, st, "a")
	for _, standby := range cluster.Replicas {
		standby.Kill()
	}
	for range 50 {
		if n, err := st.Len(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d records, %v", n, err)
		}
	}
	if _, known := st.ClockAhead(); !known {
		t.Error("the clocks were not compared")
	}
}
