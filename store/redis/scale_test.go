//go:build scale

package redis_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

var (
	scalePending     = flag.Int("pending", 200_000, "pending sessions")
	scaleFamilies    = flag.Int("families", 200_000, "refreshable logins")
	scaleRevocations = flag.Int("revocations", 400_000, "revocations")
	scaleMoves       = flag.Int("moves", 40, "slots that are moved, of those that have keys")
)

// gateways is how many stores share the Cluster, each as a replica of the gateway opens it.
const gateways = 10

// scaleBounds let all pending sessions be there, and what is started meanwhile.
func scaleBounds() store.Bounds { return store.Bounds{Total: 10_000_000, PerClient: 60} }

// fleet is the stores of several gateways.
type fleet []*redis.Store

func openFleet(t *testing.T, address string) (f fleet) {
	for range gateways {
		c := config(address)
		c.Timeout = time.Second // as in production
		f = append(f, open(t, c))
	}
	return f
}

// each does something n times, spread over the stores, by several goroutines each.
func (f fleet) each(t *testing.T, n int, do func(s *redis.Store, i int) error) {
	t.Helper()
	const perStore = 8
	var next, failed atomic.Int64
	var all sync.WaitGroup
	for range perStore {
		for _, s := range f {
			all.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					for do(s, i) != nil { // a busy machine: until it is there
						failed.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if failed.Load() > 0 {
		t.Logf("%d of %d calls were made again", failed.Load(), n)
	}
}

func pendingID(i int) string { return fmt.Sprintf("pending-%d", i) }
func familyID(i int) string  { return fmt.Sprintf("family-%d", i) }
func revokedID(i int) string { return fmt.Sprintf("revoked-%d", i) }

// fill makes what there is to be.
func (f fleet) fill(t *testing.T, servers []*redistest.Server) {
	t.Helper()
	before := used(t, servers, "memory", "used_memory")
	for _, part := range []struct {
		what string
		n    int
		do   func(s *redis.Store, i int) error
	}{
		{"pending sessions", *scalePending, func(s *redis.Store, i int) error {
			_, err := s.Create(t.Context(), longRecord(i), scaleBounds())
			if errors.Is(err, store.ErrExists) {
				return nil
			}
			return err
		}},
		{"refreshable logins", *scaleFamilies, func(s *redis.Store, i int) error {
			err := s.CreateFamily(t.Context(), family(familyID(i)))
			if errors.Is(err, store.ErrExists) {
				err = nil
			}
			return errors.Join(err, s.Enroll(t.Context(), fmt.Sprintf("subject-%d", i/2), familyID(i), time.Now().Add(time.Hour)))
		}},
		{"revocations", *scaleRevocations, func(s *redis.Store, i int) error {
			return s.Revoke(t.Context(), store.Revocation{Scope: store.ScopeToken, ID: revokedID(i), Until: time.Now().Add(3 * time.Hour)})
		}},
	} {
		began := time.Now()
		f.each(t, part.n, part.do)
		after := used(t, servers, "memory", "used_memory")
		t.Logf("%d %s in %v: %.0f a second, %.0f bytes each", part.n, part.what, time.Since(began).Round(time.Second),
			float64(part.n)/time.Since(began).Seconds(), (after-before)/float64(part.n))
		before = after
	}
}

// longRecord is a record that outlives the test, of one of many clients.
func longRecord(i int) *store.Record {
	r := storetest.NewRecord(pendingID(i), fmt.Sprintf("client-%d", i/3), time.Now())
	r.ExpiresAt = time.Now().Add(3 * time.Hour)
	return r
}

// refusals are how often calls of one kind were made and refused, and for how long.
type refusals struct {
	mu             sync.Mutex
	calls, refused int
	first, last    time.Time // of those refused
	why            map[string]int
}

func (r *refusals) note(began time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	r.refused++
	r.why[err.Error()]++
	if r.first.IsZero() {
		r.first = began
	}
	r.last = time.Now()
}

func (r *refusals) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == 0 {
		return fmt.Sprintf("none of %d", r.calls)
	}
	return fmt.Sprintf("%d of %d, within %.1f s", r.refused, r.calls, r.last.Sub(r.first).Seconds())
}

// probePause is the pause of each store between two rounds of calls: one that is refused at once would
// else take the processor from the servers.
const probePause = 5 * time.Millisecond

// kinds are what clients do meanwhile.
var kinds = []string{"a request with a token", "a token that was revoked", "a status poll", "a start", "a finish", "a refresh"}

// probe does every kind of call at every store while event happens, and for a while after it.
func (f fleet) probe(t *testing.T, event func()) map[string]*refusals {
	t.Helper()
	found := make(map[string]*refusals)
	for _, kind := range kinds {
		found[kind] = &refusals{why: make(map[string]int)}
	}
	over := make(chan struct{})
	var admitted atomic.Int64
	var all sync.WaitGroup
	for g, s := range f {
		all.Go(func() {
			for i := g; ; i += gateways {
				select {
				case <-over:
					return
				default:
				}
				f.probeOnce(t, s, i, found, &admitted)
				<-time.After(probePause)
			}
		})
	}
	event()
	close(over)
	all.Wait()
	if n := admitted.Load(); n > 0 {
		t.Errorf("%d revoked tokens were admitted", n)
	}
	return found
}

var probed atomic.Int64

func (f fleet) probeOnce(t *testing.T, s *redis.Store, i int, found map[string]*refusals, admitted *atomic.Int64) {
	do := func(kind string, call func() error) {
		began := time.Now()
		found[kind].note(began, call())
	}
	do("a request with a token", func() error {
		_, err := s.Revoked(t.Context(), store.Credential{TokenID: "good"})
		return err
	})
	do("a token that was revoked", func() error {
		revoked, err := s.Revoked(t.Context(), store.Credential{TokenID: revokedID(i % *scaleRevocations)})
		if err == nil && !revoked {
			admitted.Add(1)
		}
		return err
	})
	do("a status poll", func() error {
		_, err := s.Load(t.Context(), pendingID(i%*scalePending))
		return ignore(err, store.ErrNotFound)
	})
	r := longRecord(*scalePending + int(probed.Add(1)))
	do("a start", func() error {
		_, err := s.Create(t.Context(), r, scaleBounds())
		return err
	})
	if r.Version == 1 {
		do("a finish", func() error {
			r.Phase, r.FirstPresented = store.Validating, time.Now()
			return ignore(s.Update(t.Context(), r), store.ErrNotFound)
		})
	}
	do("a refresh", func() error {
		fam, err := s.LoadFamily(t.Context(), familyID(i%*scaleFamilies))
		if err != nil {
			return ignore(err, store.ErrNotFound)
		}
		return ignore(s.UpdateFamily(t.Context(), fam), store.ErrNotFound, store.ErrConflict)
	})
}

// ignore returns nil for an error that is an answer of the store, and no refusal.
func ignore(err error, answers ...error) error {
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return nil
		}
	}
	return err
}

// TestScale prints the table of docs/redis.md: what was refused for how long, of a Cluster of six nodes
// that ten gateways share.
func TestScale(t *testing.T) {
	cluster := redistest.StartCluster(t)
	f := openFleet(t, cluster.Addresses()[0])
	f.fill(t, cluster.Primaries)
	settle := func() { <-time.After(10 * time.Second) }
	events := []struct {
		what string
		do   func()
	}{
		{"nothing", settle},
		{fmt.Sprintf("%d of 256 shards move to another node", *scaleMoves), func() { moveShards(t, cluster, *scaleMoves); settle() }},
		{"a primary is killed", func() { cluster.Primaries[1].Kill(); <-time.After(30 * time.Second) }},
		{"all nodes restart empty", func() {
			for _, node := range cluster.Nodes() {
				node.Kill()
			}
			for _, node := range cluster.Nodes() {
				node.Restart(t)
			}
			<-time.After(60 * time.Second)
		}},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| What happens | %s |\n|---%s|\n", strings.Join(kinds, " | "), strings.Repeat("|---", len(kinds)))
	for _, event := range events {
		began := time.Now()
		found := f.probe(t, event.do)
		fmt.Fprintf(&table, "| %s (%.0f s)", event.what, time.Since(began).Seconds())
		for _, kind := range kinds {
			fmt.Fprintf(&table, " | %s", found[kind])
		}
		table.WriteString(" |\n")
		for _, kind := range kinds {
			for why, n := range found[kind].why {
				t.Logf("%s: %d times %s", kind, n, why)
			}
		}
		t.Logf("after %s:\n%s", event.what, &table)
	}
}

// moveShards moves the slots of shards from their nodes to the next ones.
func moveShards(t *testing.T, cluster *redistest.Cluster, n int) {
	moved := make(map[int]bool)
	for i := 0; len(moved) < n; i++ {
		slot := cluster.Slot(t, redis.IndexKey(redis.DefaultPrefix, pendingID(i)))
		if moved[slot] {
			continue
		}
		moved[slot] = true
		from, to := cluster.Owner(t, slot), cluster.Primaries[0]
		if from == to {
			to = cluster.Primaries[2]
		}
		cluster.MoveSlot(t, slot, to)
	}
}
