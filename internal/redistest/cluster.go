//go:build unix

package redistest

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	clusterPrimaries = 3
	clusterSlots     = 16384
)

// Cluster is a Cluster of six nodes: three primaries with a third of the slots each, and a replica of
// each.
type Cluster struct {
	// Primaries are the nodes that had slots at the start, in the order of their slots.
	Primaries []*Server
	// Replicas are their replicas, in the same order.
	Replicas []*Server

	ids map[*Server]string
}

// StartNode starts a Cluster of one node, which has all slots.
func StartNode(t testing.TB, options ...string) *Server {
	t.Helper()
	s := startNode(t, options)
	s.Do(t, "CLUSTER", "ADDSLOTSRANGE", "0", strconv.Itoa(clusterSlots-1))
	s.awaitState(t, "ok")
	return s
}

// startNode starts a node without slots.
func startNode(t testing.TB, options []string) *Server {
	t.Helper()
	return launch(t, func() *Server {
		_, bus, _ := net.SplitHostPort(FreeAddress(t))
		return &Server{program: "redis-server", bus: bus, options: slices.Concat([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-config-file", "nodes.conf",
			"--cluster-node-timeout", "5000", "--repl-diskless-sync-delay", "0",
		}, options)}
	})
}

// StartCluster starts a Cluster of six nodes. A primary that does not answer for five seconds is replaced
// by its replica; --cluster-node-timeout in the options changes that.
func StartCluster(t testing.TB, options ...string) *Cluster {
	t.Helper()
	c := &Cluster{ids: make(map[*Server]string)}
	for i := range 2 * clusterPrimaries {
		s := startNode(t, options)
		c.ids[s] = s.Text(t, "CLUSTER", "MYID")
		s.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < clusterPrimaries {
			c.Primaries = append(c.Primaries, s)
		} else {
			c.Replicas = append(c.Replicas, s)
		}
	}
	c.assignSlots(t)
	c.join(t)
	return c
}

func (c *Cluster) assignSlots(t testing.TB) {
	t.Helper()
	for i, s := range c.Primaries {
		first, after := i*clusterSlots/clusterPrimaries, (i+1)*clusterSlots/clusterPrimaries
		s.Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(after-1))
	}
}

// join makes the six servers one Cluster.
func (c *Cluster) join(t testing.TB) {
	t.Helper()
	for _, s := range c.Nodes()[1:] {
		c.Primaries[0].Do(t, "CLUSTER", "MEET", "127.0.0.1", s.Port(), s.bus)
	}
	c.awaitLines(t, "every node knows the others", "connected", 2*clusterPrimaries)
	for i, s := range c.Replicas {
		s.Do(t, "CLUSTER", "REPLICATE", c.ids[c.Primaries[i]])
	}
	c.awaitLines(t, "every node knows the replicas", "slave", clusterPrimaries)
	for _, s := range c.Replicas {
		s.AwaitSync(t)
	}
	c.AwaitOK(t)
}

// awaitLines waits until that many lines of every node's list of nodes have the word.
func (c *Cluster) awaitLines(t testing.TB, what, word string, count int) {
	t.Helper()
	for _, s := range c.Nodes() {
		Until(t, what, func() bool {
			lines := strings.Split(s.Text(t, "CLUSTER", "NODES"), "\n")
			return len(slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, word) })) == count
		})
	}
}

// Nodes returns all six, the primaries first.
func (c *Cluster) Nodes() []*Server { return slices.Concat(c.Primaries, c.Replicas) }

// Addresses returns where the nodes listen.
func (c *Cluster) Addresses() []string { return addresses(c.Nodes()) }

// AwaitOK waits until every node that runs says that the Cluster has all slots.
func (c *Cluster) AwaitOK(t testing.TB) {
	t.Helper()
	for _, s := range c.Nodes() {
		if s.process.ProcessState == nil {
			s.awaitState(t, "ok")
		}
	}
}

// awaitState waits until a node says that of the Cluster: ok or fail.
func (s *Server) awaitState(t testing.TB, state string) {
	t.Helper()
	Until(t, "the Cluster's state is "+state, func() bool {
		return strings.Contains(s.Text(t, "CLUSTER", "INFO"), "cluster_state:"+state)
	})
}

// Slot returns the slot of a key.
func (c *Cluster) Slot(t testing.TB, key string) int {
	t.Helper()
	slot, err := c.running(t).Do(t, "CLUSTER", "KEYSLOT", key).ToInt64()
	if err != nil {
		t.Fatal(err)
	}
	return int(slot)
}

// Owner returns the node that has a slot now.
func (c *Cluster) Owner(t testing.TB, slot int) *Server {
	t.Helper()
	for _, s := range c.Nodes() {
		if s.process.ProcessState == nil && s.owns(t, slot) {
			return s
		}
	}
	t.Fatalf("no node has slot %d", slot)
	return nil
}

// owns reports whether a node itself says that it is the primary of a slot.
func (s *Server) owns(t testing.TB, slot int) bool {
	t.Helper()
	for line := range strings.Lines(s.Text(t, "CLUSTER", "NODES")) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.Contains(fields[2], "myself,master") {
			continue
		}
		return slices.ContainsFunc(fields[8:], func(span string) bool { return within(slot, span) })
	}
	return false
}

// within reports whether a slot is in a span such as 0-5460. A span in brackets is a slot that moves.
func within(slot int, span string) bool {
	low, high, ranged := strings.Cut(span, "-")
	if !ranged {
		high = low
	}
	first, err := strconv.Atoi(low)
	last, bad := strconv.Atoi(high)
	return err == nil && bad == nil && first <= slot && slot <= last
}

func (c *Cluster) running(t testing.TB) *Server {
	t.Helper()
	for _, s := range c.Nodes() {
		if s.process.ProcessState == nil {
			return s
		}
	}
	t.Fatal("no node runs")
	return nil
}

// Failover makes the replica of a primary the primary. If the old one runs, nothing is lost. It returns
// when every node that runs knows.
func (c *Cluster) Failover(t testing.TB, primary int) {
	t.Helper()
	old, next := c.Primaries[primary], c.Replicas[primary]
	command := []string{"CLUSTER", "FAILOVER"}
	if old.process.ProcessState != nil {
		command = append(command, "TAKEOVER")
	}
	next.Do(t, command...)
	slot := primary*clusterSlots/clusterPrimaries + 1
	Until(t, "the replica takes over", func() bool { return next.owns(t, slot) })
	c.AwaitOK(t)
	if old.process.ProcessState == nil {
		Until(t, "the old primary is a replica", func() bool { return old.Role(t) == "slave" })
		old.AwaitSync(t)
	}
}
