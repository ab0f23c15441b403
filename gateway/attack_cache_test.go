//go:build unix

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/cachetest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestCachesShareNoUsersPage puts the caches that operators run between clients and the gateway.
func TestCachesShareNoUsersPage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		start  func(t testing.TB, origin string) (addr string)
		stored string
	}{
		"nginx":                            {nginx(cachetest.StoreAll), "/immutable"},
		"nginx that ignores Set-Cookie":    {nginx(cachetest.StoreAll, cachetest.IgnoreSetCookie), "/immutable"},
		"nginx that obeys X-Accel-Expires": {nginx(cachetest.ObeyAccelExpires), "/accel"},
		"Apache":                           {cachetest.Apache, "/immutable"},
		"HAProxy":                          {cachetest.HAProxy, "/immutable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := cached(t)
			w.Addr, w.Stored = row.start(t, w.Addr), row.stored
			cachetest.Suite(t, w)
		})
	}
}

func nginx(lines ...string) func(t testing.TB, origin string) (addr string) {
	return func(t testing.TB, origin string) string { return cachetest.NGINX(t, origin, lines...) }
}

// cached is a gateway that the suite attacks; the cache is still to be put in front.
func cached(t *testing.T) cachetest.Env {
	t.Helper()
	e := newEnv(t, func(c *gateway.Config) { c.Token.Refresh = 30 * 24 * time.Hour })
	past := func() time.Time { return e.clock.now().Add(-5 * time.Hour) }
	mux := http.NewServeMux()
	for host, optional := range map[string]bool{cachetest.Host: false, cachetest.Optional: true} {
		site, err := e.NewSite(gateway.SiteConfig{Optional: optional, Public: []string{"/public/*"}, ForwardToken: gateway.ForwardOff})
		check(t, err)
		mux.Handle(host+"/", site.Handler(cachetest.NewOrigin()))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	var users atomic.Int64
	user := func() token.Claims {
		claims := e.claims()
		claims.Subject = "user" + strconv.FormatInt(users.Add(1), 10)
		claims.ID = claims.Subject + ".1"
		return claims
	}
	session := func(now func() time.Time) func(t *testing.T) (line, subject string) {
		return func(t *testing.T) (line, subject string) {
			t.Helper()
			claims := user()
			raw, _, err := e.authorityAt(t, now).IssueSession(claims)
			check(t, err)
			check(t, e.store.CreateFamily(t.Context(), &store.Family{
				ID: claims.Subject, Serial: 1, Kind: store.Browser, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
				Claims: "{}", CreatedAt: now(), ExpiresAt: e.clock.now().Add(30 * 24 * time.Hour),
			}))
			return "Cookie: theme=dark; __Host-itsme=" + raw + "\r\n", claims.Subject
		}
	}
	return cachetest.Env{
		Addr: server.Listener.Addr().String(),
		Bearer: func(t *testing.T) (line, subject string) {
			t.Helper()
			claims := user()
			raw, _, err := e.authority.IssueAccess(claims)
			check(t, err)
			return "Authorization: Bearer " + raw + "\r\n", claims.Subject
		},
		Cookie:   session(e.clock.now),
		Renewing: session(past),
	}
}
