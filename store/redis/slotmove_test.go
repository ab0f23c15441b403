package redis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// moving is a gateway's store on a Cluster, and logins whose keys are in a slot that moves.
type moving struct {
	*redis.Store
	records  []*store.Record
	families []*store.Family
	started  int
}

// start starts a login.
func (m *moving) start(t *testing.T, id string) {
	t.Helper()
	r := storetest.NewRecord(id, "client of "+id, time.Now())
	if _, err := m.Create(t.Context(), r, store.Bounds{Total: 20_000, PerClient: 1}); err != nil {
		t.Errorf("creating %s: %v", id, err)
		return
	}
	m.records = append(m.records, r)
}

// useAll does everything that logins and refreshes do, with every login there is and with new ones.
func (m *moving) useAll(t *testing.T, ids []string) {
	t.Helper()
	for range 3 {
		m.start(t, ids[m.started])
		m.started++
	}
	for _, r := range m.records {
		if _, err := m.Load(t.Context(), r.ID); err != nil {
			t.Errorf("loading %s: %v", r.ID, err)
		}
		r.Reason += "x"
		if err := m.Update(t.Context(), r); err != nil {
			t.Errorf("updating %s: %v", r.ID, err)
		}
	}
	for i := range 50 { // of every shard, the one that moves among them
		name := fmt.Sprintf("%d-%d", m.started, i)
		if _, err := m.Allow(t.Context(), store.Quota{Owner: name, Limit: 1, Window: time.Hour}); err != nil {
			t.Errorf("counting: %v", err)
		}
		if _, err := m.Remember(t.Context(), name, name, time.Hour); err != nil {
			t.Errorf("remembering: %v", err)
		}
		if err := m.Enroll(t.Context(), name, name, time.Now().Add(time.Hour)); err != nil {
			t.Errorf("enrolling: %v", err)
		}
		f := family(name)
		if err := m.CreateFamily(t.Context(), f); err != nil {
			t.Errorf("creating a family: %v", err)
		}
		m.families = append(m.families, f)
	}
	for _, f := range m.families {
		if _, err := m.LoadFamily(t.Context(), f.ID); err != nil {
			t.Errorf("loading a family: %v", err)
		}
		if err := m.UpdateFamily(t.Context(), f); err != nil {
			t.Errorf("updating a family: %v", err)
		}
	}
	if n, err := m.Len(t.Context()); err != nil || n != len(m.records) {
		t.Errorf("Len() = %d, %v, want %d", n, err, len(m.records))
	}
}

// TestNothingIsRefusedWhileASlotMoves uses the logins of one shard at every step of a move of its slot:
// before, while some of its keys are here and some there (ASK), and when the other node has all (MOVED).
// Each script has one key, so that no call gets TRYAGAIN.
func TestNothingIsRefusedWhileASlotMoves(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	m := &moving{Store: open(t, config(cluster.Addresses()[0]))}
	ids := sameShard(40)
	m.useAll(t, ids)
	slot := cluster.Slot(t, redis.IndexKey(redis.DefaultPrefix, ids[0]))
	to := cluster.Primaries[0]
	if cluster.Owner(t, slot) == to {
		to = cluster.Primaries[1]
	}
	move := cluster.BeginMove(t, slot, to)
	m.useAll(t, ids)
	for range 4 {
		move.MoveKeys(t, 3)
		m.useAll(t, ids)
	}
	for move.MoveKeys(t, 100) > 0 {
	}
	m.useAll(t, ids)
	move.End(t)
	m.useAll(t, ids)
	for _, node := range cluster.Primaries {
		for key := range node.Dump(t) {
			if cluster.Owner(t, cluster.Slot(t, key)) != node {
				t.Errorf("%s is on a node that does not have its slot", key)
			}
		}
	}
}
