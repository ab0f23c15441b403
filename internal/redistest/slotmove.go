//go:build unix

package redistest

import (
	"net"
	"strconv"
	"testing"
)

// SlotMove is a slot on its way from one node to another.
type SlotMove struct {
	slot     string
	from, to *Server
	cluster  *Cluster
}

// MoveSlot moves a slot, and all keys in it, to another primary.
func (c *Cluster) MoveSlot(t testing.TB, slot int, to *Server) {
	t.Helper()
	move := c.BeginMove(t, slot, to)
	for move.MoveKeys(t, 100) > 0 {
	}
	move.End(t)
}

// BeginMove begins to move a slot. Until End, a key may be on either node: commands get ASK, and those
// with keys on both get TRYAGAIN.
func (c *Cluster) BeginMove(t testing.TB, slot int, to *Server) *SlotMove {
	t.Helper()
	m := &SlotMove{slot: strconv.Itoa(slot), from: c.Owner(t, slot), to: to, cluster: c}
	to.Do(t, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", c.ids[m.from])
	m.from.Do(t, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", c.ids[to])
	return m
}

// MoveKeys moves at most so many keys, and returns how many it moved.
func (m *SlotMove) MoveKeys(t testing.TB, limit int) int {
	t.Helper()
	keys, err := m.from.Do(t, "CLUSTER", "GETKEYSINSLOT", m.slot, strconv.Itoa(limit)).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) > 0 {
		host, port, _ := net.SplitHostPort(m.to.Address)
		m.from.Do(t, append([]string{"MIGRATE", host, port, "", "0", "60000", "KEYS"}, keys...)...)
	}
	return len(keys)
}

// End gives the slot to its new node, and waits until every primary knows.
func (m *SlotMove) End(t testing.TB) {
	t.Helper()
	id := m.cluster.ids[m.to]
	m.to.Do(t, "CLUSTER", "SETSLOT", m.slot, "NODE", id)
	m.from.Do(t, "CLUSTER", "SETSLOT", m.slot, "NODE", id)
	for _, s := range m.cluster.Primaries {
		if s.process.ProcessState == nil && s.Role(t) == "master" {
			s.Do(t, "CLUSTER", "SETSLOT", m.slot, "NODE", id)
		}
	}
}
