//go:build unix

package redistest_test

import (
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
)

func TestOneServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do(t, "SET", "key", "value")
	if got := s.Dump(t)["key"]; !strings.Contains(got, "value") {
		t.Errorf("the dump has %q", got)
	}
	s.Kill()
	s.Restart(t)
	if n, err := s.Do(t, "DBSIZE").ToInt64(); err != nil || n != 0 {
		t.Errorf("after a restart it has %d keys, %v", n, err)
	}
}

func TestSocketAndTLS(t *testing.T) {
	t.Parallel()
	socket := redistest.StartSocket(t)
	encrypted, _ := redistest.StartTLS(t)
	for _, s := range []*redistest.Server{socket, encrypted} {
		if got := s.Text(t, "PING"); got != "PONG" {
			t.Errorf("%s%s answers %q", s.Address, s.Socket, got)
		}
	}
}

func TestReplicaIsPromoted(t *testing.T) {
	t.Parallel()
	primary, replica := redistest.StartPair(t)
	primary.Do(t, "SET", "key", "value")
	primary.AwaitReplica(t)
	replica.Promote(t)
	primary.Demote(t, replica)
	primary.AwaitSync(t)
	if primary.Role(t) != "slave" || replica.Role(t) != "master" {
		t.Errorf("the roles are %s and %s", primary.Role(t), replica.Role(t))
	}
	if _, err := primary.Try(t, "SET", "key", "value"); err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
		t.Errorf("the demoted server answers %v", err)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	first := s.Primary(t)
	second := s.Failover(t)
	if second == first || second.Role(t) != "master" {
		t.Error("the failover changed nothing")
	}
	second.Kill()
	s.AwaitFailover(t, second)
	if s.Primary(t) != first {
		t.Error("the Sentinels do not name the replica of the primary that was killed")
	}
}

func TestClusterMovesAndFailsOver(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	const key = "{itsme:default}:key"
	slot := c.Slot(t, key)
	from := c.Owner(t, slot)
	from.Do(t, "SET", key, "value")
	to := c.Primaries[0]
	if to == from {
		to = c.Primaries[1]
	}
	c.MoveSlot(t, slot, to)
	if got := to.Text(t, "GET", key); got != "value" || c.Owner(t, slot) != to {
		t.Errorf("after the move the key has %q", got)
	}
	c.Failover(t, 0)
	c.Primaries[1].Kill()
	c.Failover(t, 1)
	if got := c.Owner(t, 1); got != c.Replicas[0] {
		t.Errorf("slot 1 is on %s", got.Address)
	}
}
