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

// form posts one to an own endpoint, as a client with that address.
func (f *fort) form(client, endpoint string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, fortURL+gateway.DefaultPath+endpoint, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	_ = f.site.Serve(w, r, gateway.Request{Client: netip.MustParseAddr(client)}, handedOn)
	return w
}

// TestRevocationsOfOneLoginAreBounded is a client with one refresh token, which it repeats for an
// access token, revokes that, and repeats: each round would add to what every replica keeps. After a
// few rounds its login is over, and that is one revocation.
func TestRevocationsOfOneLoginAreBounded(t *testing.T) {
	t.Parallel()
	revoked := map[store.Scope]int{}
	f := openFort(t, refreshing, func(c *gateway.Config) {
		c.Observe.Revocation = func(v store.Revocation) { revoked[v.Scope]++ }
	})
	f.clock.stop()
	f.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	rounds := 0
	for ; ; rounds++ {
		got := f.refresh(token)
		if got.status != http.StatusOK {
			break
		}
		for range 3 { // the same one again adds nothing
			if w := f.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}}); w.Code != http.StatusOK {
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

// TestAppMayRevokeWhatItReplaces is an app that revokes each access token when it has the next one.
// That goes on for days.
func TestAppMayRevokeWhatItReplaces(t *testing.T) {
	t.Parallel()
	f := openFort(t, refreshing)
	f.clock.stop()
	f.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	for i := range 500 {
		got := f.refresh(token)
		if got.status != http.StatusOK {
			t.Fatalf("round %d: %+v", i, got)
		}
		f.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}})
		token = got.Refresh
		f.clock.advance(gateway.DefaultTokenLifetime)
	}
}

// TestEndedLoginStaysEndedWhenRefreshComesBack turns refresh off, ends a login, and turns refresh on
// again when the tokens of the login have long expired. The refresh token must not work again.
func TestEndedLoginStaysEndedWhenRefreshComesBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *fort, pair){
		"logout": func(t *testing.T, f *fort, got pair) {
			r := request("Authorization", "Bearer "+got.Access)
			r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
			if w := f.answerOf(r); w.Code != http.StatusNoContent {
				t.Fatalf("logout: %d", w.Code)
			}
		},
		"the refresh token's revocation": func(t *testing.T, f *fort, got pair) {
			if w := f.form("192.0.2.1", "/revoke", url.Values{"token": {got.Refresh}}); w.Code != http.StatusOK {
				t.Fatalf("revoking: %d", w.Code)
			}
		},
		"the login's revocation": func(t *testing.T, f *fort, _ pair) {
			n, err := f.RevokeLogin(t.Context(), "login")
			if n != 1 || err != nil {
				t.Errorf("%d logins ended, %v", n, err)
			}
		},
		"the subject's revocation": func(t *testing.T, f *fort, _ pair) {
			_, err := f.RevokeSubject(t.Context(), fortSubject)
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFort(t, refreshing)
			f.clock.stop()
			f.family("login", store.App)
			got := f.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
			f.rebuild(t, func(*gateway.Config) {})
			end(t, f, got)
			f.clock.advance(10 * 24 * time.Hour)
			f.rebuild(t, refreshing)
			if again := f.refresh(got.Refresh); again.Error != "invalid_grant" {
				t.Errorf("the login is back: %+v", again)
			}
		})
	}
}

// TestLogoutEndsRefreshing logs out with an access token. The refresh token of the login is refused from then on, and the
// login's family is gone.
func TestLogoutEndsRefreshing(t *testing.T) {
	t.Parallel()
	f := openFort(t, refreshing)
	f.clock.stop()
	f.family("login", store.App)
	first := f.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
	r := request("Authorization", "Bearer "+first.Access)
	r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
	if w := f.answerOf(r); first.status != http.StatusOK || w.Code != http.StatusNoContent {
		t.Fatalf("refreshing: %+v, logout: %d", first, w.Code)
	}
	if again := f.refresh(first.Refresh); again.Error != "invalid_grant" || again.Access != "" {
		t.Errorf("after the logout: %+v", again)
	}
	if _, err := f.store.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the family: %v", err)
	}
}

// TestTokenRequestsAreBounded is a client that calls /token and /revoke without end. It is told when
// to come back; another client is not affected.
func TestTokenRequestsAreBounded(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	f.clock.stop()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"c"}, "state": {"s"}, "code_verifier": {"v"}, "token": {"t"}}
	endpoint := func(i int) string { return []string{"/token", "/revoke"}[i%2] }
	for i := range gateway.DefaultTokenPerClient {
		if w := f.form("192.0.2.1", endpoint(i), form); w.Code == http.StatusTooManyRequests {
			t.Fatalf("request %d is refused", i)
		}
	}
	for i := range 2 {
		w := f.form("192.0.2.1", endpoint(i), form)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
			t.Errorf("%s: %d %v %s", endpoint(i), w.Code, w.Header(), w.Body)
		}
	}
	if w := f.form("192.0.2.2", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("another client: %d", w.Code)
	}
	f.clock.advance(time.Second)
	if w := f.form("192.0.2.1", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
}
