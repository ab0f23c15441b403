//go:build scale

package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// TestLoginsASecond prints how many logins a second one node and three primaries do, and each primary's
// share of the scripts: on a machine with fewer cores than servers, the share is what shows that three
// nodes do the work of three.
func TestLoginsASecond(t *testing.T) {
	one := redistest.StartNode(t)
	three := redistest.StartCluster(t)
	for _, row := range []struct {
		what  string
		nodes []*redistest.Server
	}{{"one node", []*redistest.Server{one}}, {"three primaries", three.Primaries}} {
		f := openFleet(t, row.nodes[0].Address)
		for _, s := range f {
			for _, err := s.Len(t.Context()); err != nil; _, err = s.Len(t.Context()) {
			}
		}
		for _, node := range row.nodes {
			node.Do(t, "CONFIG", "RESETSTAT")
		}
		const logins = 20_000
		began := time.Now()
		f.each(t, logins, func(s *redis.Store, i int) error {
			return wholeLogin(t.Context(), s, fmt.Sprintf("login-%d-%d", began.UnixNano(), i))
		})
		took := time.Since(began).Seconds()
		var calls []int
		var total int
		for _, node := range row.nodes {
			n := commands(t, node)
			calls, total = append(calls, n), total+n
		}
		t.Logf("%s: %.0f logins a second, %.1f scripts a login", row.what, logins/took, float64(total)/logins)
		for i, n := range calls {
			share := float64(n) / float64(total)
			t.Logf("  primary %d: %d scripts, %.1f %%", i, n, 100*share)
			if most := 1.1 / float64(len(calls)); share > most {
				t.Errorf("primary %d has %.0f %% of the scripts", i, 100*share)
			}
		}
	}
}

// used returns the sum of a number in INFO over servers.
func used(t *testing.T, servers []*redistest.Server, section, name string) (sum float64) {
	t.Helper()
	for _, s := range servers {
		for line := range strings.Lines(s.Text(t, "INFO", section)) {
			if text, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
				n, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
}

// cpu is the processor time that servers took, in seconds.
func cpu(t *testing.T, servers []*redistest.Server) float64 {
	return used(t, servers, "cpu", "used_cpu_user") + used(t, servers, "cpu", "used_cpu_sys")
}

// TestCostOfACall prints what the calls of clients cost one node, in processor time of the server.
func TestCostOfACall(t *testing.T) {
	servers := []*redistest.Server{redistest.StartNode(t)}
	f := openFleet(t, servers[0].Address)
	const calls = 20_000
	for _, part := range []struct {
		what string
		do   func(s *redis.Store, i int) error
	}{
		{"login", func(s *redis.Store, i int) error { return wholeLogin(t.Context(), s, pendingID(i)) }},
		{"status poll", func(s *redis.Store, i int) error { _, err := s.Load(t.Context(), pendingID(i)); return err }},
		{"refresh", func(s *redis.Store, i int) error {
			if _, err := s.Allow(t.Context(), store.Quota{Owner: pendingID(i), Limit: 1000, Window: time.Minute}); err != nil {
				return err
			}
			fam, err := s.LoadFamily(t.Context(), pendingID(i))
			if err != nil {
				return err
			}
			return ignore(s.UpdateFamily(t.Context(), fam), store.ErrConflict)
		}},
		{"revocation", func(s *redis.Store, i int) error {
			return s.Revoke(t.Context(), store.Revocation{Scope: store.ScopeToken, ID: revokedID(i), Until: time.Now().Add(time.Hour)})
		}},
	} {
		before := cpu(t, servers)
		f.each(t, calls, part.do)
		t.Logf("a %s: %.0f us of the server's processor", part.what, (cpu(t, servers)-before)/calls*1e6)
	}
}

// commands is how many scripts a server ran.
func commands(t *testing.T, s *redistest.Server) (n int) {
	t.Helper()
	for line := range strings.Lines(s.Text(t, "INFO", "commandstats")) {
		_, _ = fmt.Sscanf(line, "cmdstat_evalsha:calls=%d", &n) // other lines do not match
	}
	return n
}

// wholeLogin is what an app's login asks of the store.
func wholeLogin(ctx context.Context, s *redis.Store, id string) error {
	quota := store.Quota{Owner: id, Limit: 1000, Window: time.Minute}
	if _, err := s.Recall(ctx, id); err != nil {
		return err
	}
	if _, err := s.Allow(ctx, quota); err != nil {
		return err
	}
	r := storetest.NewRecord(id, id, time.Now())
	if _, err := s.Create(ctx, r, store.Bounds{Total: 1_000_000, PerClient: 60}); err != nil {
		return err
	}
	if _, err := s.Remember(ctx, id, id, 30*time.Second); err != nil {
		return err
	}
	if _, err := s.Allow(ctx, quota); err != nil {
		return err
	}
	if _, err := s.Load(ctx, id); err != nil {
		return err
	}
	for _, phase := range []store.Phase{store.Validating, store.Validated} {
		r.Phase, r.FirstPresented = phase, time.Now()
		if err := s.Update(ctx, r); err != nil {
			return err
		}
	}
	if err := errors.Join(s.CreateFamily(ctx, family(id)), s.Enroll(ctx, id, id, time.Now().Add(time.Hour))); err != nil {
		return err
	}
	r.Phase, r.EndedAt = store.Issued, time.Now()
	return s.Update(ctx, r)
}
