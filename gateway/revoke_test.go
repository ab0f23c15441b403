package gateway_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// form posts a form to an endpoint of the gateway, from a client with that address.
func (e *env) form(client, endpoint string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, envURL+gateway.DefaultPath+endpoint, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	_ = e.site.Serve(w, r, gateway.RequestInfo{Client: netip.MustParseAddr(client)}, handedOn)
	return w
}

// TestRevocationsOfOneLoginAreBounded has a client that exchanges its refresh token, revokes the access
// token, and repeats: each round would add to the list on every replica. After a few rounds its login ends,
// which takes one revocation.
func TestRevocationsOfOneLoginAreBounded(t *testing.T) {
	t.Parallel()
	revoked := map[store.Scope]int{}
	e := newEnv(t, refreshing, func(c *gateway.Config) {
		c.Observe.Revocation = func(v store.Revocation) { revoked[v.Scope]++ }
	})
	e.clock.stop()
	e.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	rounds := 0
	for ; ; rounds++ {
		got := e.refresh(token)
		if got.status != http.StatusOK {
			break
		}
		for range 3 { // the same one again adds nothing
			if w := e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}}); w.Code != http.StatusOK {
				t.Fatalf("revoking: %d", w.Code)
			}
		}
		if rounds > 1000 {
			t.Fatal("it goes on")
		}
	}
	if revoked[store.ScopeToken] != gateway.MaxTokenRevocations || revoked[store.ScopeLogin] != 1 || rounds != gateway.MaxTokenRevocations+1 {
		t.Errorf("%d rounds made %v", rounds, revoked)
	}
}

// TestAppMayRevokeWhatItReplaces has an app that revokes each access token when it has the next one, for
// days.
func TestAppMayRevokeWhatItReplaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	for i := range 500 {
		got := e.refresh(token)
		if got.status != http.StatusOK {
			t.Fatalf("round %d: %+v", i, got)
		}
		e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}})
		token = got.Refresh
		e.clock.advance(gateway.DefaultTokenLifetime)
	}
}

// TestEndedLoginStaysEndedWhenRefreshComesBack turns refresh off, ends a login, and turns refresh on long
// after the tokens of the login expired. The refresh token must not work again.
func TestEndedLoginStaysEndedWhenRefreshComesBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *env, pair){
		"logout": func(t *testing.T, e *env, got pair) {
			r := request("Authorization", "Bearer "+got.Access)
			r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
			if w := e.answerOf(r); w.Code != http.StatusNoContent {
				t.Fatalf("logout: %d", w.Code)
			}
		},
		"the refresh token's revocation": func(t *testing.T, e *env, got pair) {
			if w := e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Refresh}}); w.Code != http.StatusOK {
				t.Fatalf("revoking: %d", w.Code)
			}
		},
		"the login's revocation": func(t *testing.T, e *env, _ pair) {
			n, err := e.RevokeLogin(t.Context(), "login")
			if n != 1 || err != nil {
				t.Errorf("%d logins ended, %v", n, err)
			}
		},
		"the subject's revocation": func(t *testing.T, e *env, _ pair) {
			_, err := e.RevokeSubject(t.Context(), envSubject)
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, refreshing)
			e.clock.stop()
			e.family("login", store.App)
			got := e.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
			e.rebuild(t, func(*gateway.Config) {})
			end(t, e, got)
			e.clock.advance(10 * 24 * time.Hour)
			e.rebuild(t, refreshing)
			if again := e.refresh(got.Refresh); again.Error != "invalid_grant" {
				t.Errorf("the login is back: %+v", again)
			}
		})
	}
}

// TestLogoutEndsRefreshing logs out with an access token. From then on the refresh token is refused, and the
// login's family is deleted.
func TestLogoutEndsRefreshing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	first := e.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
	r := request("Authorization", "Bearer "+first.Access)
	r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
	if w := e.answerOf(r); first.status != http.StatusOK || w.Code != http.StatusNoContent {
		t.Fatalf("refreshing: %+v, logout: %d", first, w.Code)
	}
	if again := e.refresh(first.Refresh); again.Error != "invalid_grant" || again.Access != "" {
		t.Errorf("after the logout: %+v", again)
	}
	if _, err := e.store.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the family: %v", err)
	}
}

// TestTokenRequestsAreBounded has a client that calls /token and /revoke without end. The answer says when to
// try again. Another client is not affected.
func TestTokenRequestsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.clock.stop()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"c"}, "state": {"s"}, "code_verifier": {"v"}, "token": {"t"}}
	endpoint := func(i int) string { return []string{"/token", "/revoke"}[i%2] }
	for i := range gateway.DefaultTokenPerClient {
		if w := e.form("192.0.2.1", endpoint(i), form); w.Code == http.StatusTooManyRequests {
			t.Fatalf("request %d is refused", i)
		}
	}
	for i := range 2 {
		w := e.form("192.0.2.1", endpoint(i), form)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
			t.Errorf("%s: %d %v %s", endpoint(i), w.Code, w.Header(), w.Body)
		}
	}
	if w := e.form("192.0.2.2", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("another client: %d", w.Code)
	}
	e.clock.advance(time.Second)
	if w := e.form("192.0.2.1", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
}
