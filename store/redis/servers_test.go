package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

func TestServersTellAboutThemselves(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		log, policy, user string
		want              redis.Server
	}{
		"a server that logs":              {"yes", "noeviction", "+@all", redis.Server{Policy: "noeviction", Logs: true}},
		"a server that evicts":            {"no", "allkeys-lru", "+@all", redis.Server{Policy: "allkeys-lru"}},
		"a server that refuses to answer": {"yes", "noeviction", "-info", redis.Server{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, "--appendonly", row.log, "--maxmemory-policy", row.policy)
			do(t, admin(t, s.Address), "ACL", "SETUSER", "default", row.user)
			servers, err := open(t, config(s.Address)).Servers(t.Context())
			if err != nil || len(servers) != 1 {
				t.Fatalf("%d servers, %v", len(servers), err)
			}
			got := servers[0]
			if known := strings.Count(got.Version, ".") == 2; known != (row.user == "+@all") {
				t.Errorf("its version is %q", got.Version)
			}
			got.Version, row.want.Address = "", s.Address
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("it answers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServersThatAreAwayTellNothing(t *testing.T) {
	t.Parallel()
	if _, err := open(t, config(redistest.FreeAddress(t))).Servers(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		policy, user string
		want         error
	}{
		"a server that keeps everything":         {"noeviction", "+@all", nil},
		"a server that evicts any key":           {"allkeys-lru", "+@all", redis.ErrEvicts},
		"a server that evicts keys that expire":  {"volatile-ttl", "+@all", redis.ErrEvicts},
		"a server that refuses to answer":        {"noeviction", "-info", redis.ErrPolicyUnknown},
		"one that refuses CONFIG GET only":       {"allkeys-lfu", "-config", redis.ErrEvicts},
		"one that keeps, and forbids CONFIG GET": {"noeviction", "-config", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, "--maxmemory-policy", row.policy)
			do(t, admin(t, s.Address), "ACL", "SETUSER", "default", row.user)
			log := newLogCapture()
			c := config(s.Address)
			c.Logger = log.logger()
			store := open(t, c)
			if err := store.Check(t.Context()); !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
				t.Errorf("Check: %v, want %v", err, row.want)
			}
			if row.want != nil {
				log.await(t, "level=WARN")
				log.await(t, row.want.Error())
			}
		})
	}
}

// TestEvictionIsFoundAfterAFailover: the server that answers now evicts keys, and the one before did not.
// The operator is warned, once.
func TestEvictionIsFoundAfterAFailover(t *testing.T) {
	t.Parallel()
	good, bad := redistest.Start(t), redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	via := redistest.NewLine(t, good.Address)
	log := newLogCapture()
	c := config(via.Address)
	c.Logger = log.logger()
	st := open(t, c)
	revoke(t, st, "a")
	if strings.Contains(log.String(), redis.ErrEvicts.Error()) {
		t.Errorf("a good server is warned of:\n%s", log)
	}
	failTo(via, bad.Address)
	log.await(t, redis.ErrEvicts.Error())
	for range 3 {
		failTo(via, bad.Address)
		redistest.Until(t, "the server answers", func() bool { return revokeErr(t, st, store.ScopeLogin, "b") == nil })
	}
	if n := strings.Count(log.String(), redis.ErrEvicts.Error()); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, log)
	}
}

// TestFindingsComeInOneOrder: the log has a finding once, until it is another one.
func TestFindingsComeInOneOrder(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, "--maxmemory-policy", "allkeys-lru")
	st := open(t, config(c.Primaries[0].Address))
	first := st.Check(t.Context())
	if n := strings.Count(first.Error(), redis.ErrEvicts.Error()); n < 3 {
		t.Fatalf("%d findings: %v", n, first)
	}
	for range 20 {
		if again := st.Check(t.Context()); again.Error() != first.Error() {
			t.Fatalf("first %v, again %v", first, again)
		}
	}
}
