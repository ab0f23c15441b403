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
