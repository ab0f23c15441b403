package redis_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestGatewayServesWhatRedisAllows runs a gateway on a Redis that takes no writes, and on one that is
// unavailable for less than the staleness. Users with a login are served, browsers without a new cookie,
// and the gateway is ready. What must be stored is refused with 503.
func TestGatewayServesWhatRedisAllows(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(testing.TB, *redistest.Server){
		"full memory": set("maxmemory", "1"),
		"unavailable": func(_ testing.TB, s *redistest.Server) { s.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			c := config(s.Address)
			c.Staleness = redis.MaxStaleness
			var ahead atomic.Int64
			r := openReplicasOn(t, c, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })[0]

			app, browser := r.NewApp(), r.NewBrowser(t)
			app.Start(t)
			code, state := app.Approve(t, "adult")
			login := app.Redeem(t, code, state)
			browser.Login(t, "/", "adult")
			fail(t, s)
			awaitRefusedStart(t, r)

			if got := app.Call(t, "/api", login.Text("access_token")); got.Status != http.StatusOK {
				t.Errorf("a request with a token: %d %s", got.Status, got.Body)
			}
			if got := app.Get(t, "/health/ready"); got.Status != http.StatusOK {
				t.Errorf("readiness: %d", got.Status)
			}
			for what, got := range map[string]logintest.Answer{
				"a refresh":   app.Refresh(t, login.Text("refresh_token")),
				"/revoke":     app.Post(t, "/revoke", url.Values{"token": {login.Text("access_token")}}),
				"a new login": startOf(t, r),
			} {
				if got.Status != http.StatusServiceUnavailable {
					t.Errorf("%s: %d %s", what, got.Status, got.Body)
				}
			}
			ahead.Store(int64(5 * time.Hour)) // a cookie of 8 h is to be renewed
			if got := browser.Navigate(t, "/"); got.Status != http.StatusOK || strings.Contains(got.Header.Get("Set-Cookie"), "=") {
				t.Errorf("a browser: %d, Set-Cookie %q", got.Status, got.Header.Get("Set-Cookie"))
			}
		})
	}
}

func startOf(t *testing.T, r *replica) logintest.Answer {
	t.Helper()
	app := r.NewApp()
	return app.PostJSON(t, "/sessions", map[string]string{"code_challenge": app.Challenge()})
}

// awaitRefusedStart waits until a login cannot start.
func awaitRefusedStart(t *testing.T, r *replica) {
	t.Helper()
	redistest.Until(t, "a login cannot start", func() bool {
		return startOf(t, r).Status == http.StatusServiceUnavailable
	})
}
