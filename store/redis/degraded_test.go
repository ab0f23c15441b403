package redis_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
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

// TestCredentialsCountWhileRedisIsUnavailable: for as long as the configuration says, credentials are
// checked against what is known. Everything else is refused as before: nothing may be issued by an old
// copy.
func TestCredentialsCountWhileRedisIsUnavailable(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Staleness = redis.MaxStaleness
	st := open(t, c)
	revoke(t, st, "revoked")
	s.Kill()
	redistest.Until(t, "the copy is too old to issue by", func() bool {
		_, err := st.Mark(t.Context())
		return errors.Is(err, store.ErrUnavailable)
	})
	for name, call := range calls(st) {
		if err := call(t.Context()); name != "Revoked" && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	for login, want := range map[string]bool{"revoked": true, "other": false} {
		if got, err := st.Revoked(t.Context(), store.Credential{Login: login}); got != want || err != nil {
			t.Errorf("Revoked(%s) = %t, %v, want %t", login, got, err, want)
		}
	}
}

// TestRevocationCoversWhatAStaleReplicaIssues: a replica that does not know yet may make an upstream
// token from a cookie of the subject, with a time after the revocation. That token is refused too, on
// every replica, until its end.
func TestRevocationCoversWhatAStaleReplicaIssues(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Staleness = redis.MaxStaleness
	revoker, other := open(t, c), open(t, c)
	now := time.Now()
	err := revoker.Revoke(t.Context(), store.Revocation{
		Scope: store.ScopeSubject, ID: "subject", IssuedUntil: now, Until: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	late := store.Credential{Subject: "subject", IssuedAt: now.Add(redis.MaxStaleness - store.MaxStaleness)}
	for name, st := range map[string]*redis.Store{"the replica that revoked": revoker, "another": other} {
		redistest.Until(t, name+" refuses", func() bool {
			revoked, err := st.Revoked(t.Context(), late)
			return revoked && err == nil
		})
	}
	late.IssuedAt = late.IssuedAt.Add(2 * time.Second)
	if revoked, err := revoker.Revoked(t.Context(), late); revoked || err != nil {
		t.Errorf("a token of after that: revoked = %t, %v", revoked, err)
	}
}
