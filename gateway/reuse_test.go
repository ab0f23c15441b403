package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// fullStore acts like a Redis at its maxmemory: it answers reads and takes no revocation.
type fullStore struct{ *store.Memory }

// Revoke implements [store.Store].
func (fullStore) Revoke(context.Context, store.Revocation) error { return store.ErrUnavailable }

// TestLateRepeatsEndTheLogin sends the same refresh token again and again, each time later than a lost answer
// explains: two clients hold it. Past the limit the login ends.
func TestLateRepeatsEndTheLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	first := e.refresh(token)
	for i := range login.CountedRepeats {
		e.clock.advance(login.RepeatWindow + time.Second)
		if got := e.refresh(token); got.status != http.StatusOK || got.Refresh != first.Refresh {
			t.Fatalf("late repeat %d: %+v", i, got)
		}
	}
	e.clock.advance(login.RepeatWindow + time.Second)
	for _, raw := range []string{token, first.Refresh} {
		if got := e.refresh(raw); got.Error != "invalid_grant" || got.Access != "" {
			t.Errorf("one repeat too many: %+v", got)
		}
	}
}

// TestReuseIsNotForgottenWhileTheStoreIsFull sends an old token of a login that another client still uses.
// While the store cannot end the login, the answer is 503. After invalid_grant the client would start another
// login, and the thief's copy of this one would stay usable.
func TestReuseIsNotForgottenWhileTheStoreIsFull(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	refreshing := func(c *gateway.Config) { c.Token.Refresh = 30 * 24 * time.Hour }
	claims := e.claims()
	claims.ID = "login.1"
	cookie, _, err := e.authority.IssueSession(claims)
	check(t, err)
	for id, kind := range map[string]store.Kind{"login": store.Browser, "app": store.App} {
		check(t, e.store.CreateFamily(t.Context(), &store.Family{
			ID: id, Serial: 3, Kind: kind, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime, Claims: "{}",
			CreatedAt: e.clock.now(), ExpiresAt: e.clock.now().Add(30 * 24 * time.Hour),
		}))
	}
	e.clock.advance(5 * time.Hour)
	browser := request("Cookie", "__Host-itsme="+cookie)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {gateway.RefreshToken("app", 1, [32]byte{})}}
	for _, row := range []struct {
		name         string
		change       func(*gateway.Config)
		browser, app int
		cookies      int // that the answer deletes
	}{
		{"full", func(c *gateway.Config) { refreshing(c); c.Store = fullStore{e.store} }, http.StatusServiceUnavailable, http.StatusServiceUnavailable, 0},
		{"with room", refreshing, http.StatusUnauthorized, http.StatusBadRequest, 1},
	} {
		e.rebuild(t, row.change)
		w := httptest.NewRecorder()
		check(t, e.site.Serve(w, browser.Clone(t.Context()), gateway.RequestInfo{}, handedOn))
		if w.Code != row.browser || len(w.Result().Cookies()) != row.cookies {
			t.Errorf("%s: the browser gets %d and %d cookies", row.name, w.Code, len(w.Result().Cookies()))
		}
		app := httptest.NewRequest(http.MethodPost, envURL+gateway.DefaultPath+"/token", strings.NewReader(form.Encode()))
		app.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got, _ := e.pass(app); got != row.app {
			t.Errorf("%s: the app gets %d", row.name, got)
		}
	}
}

// stuckFamilies deletes no family: Redis failed between a revocation and the deletion after it.
type stuckFamilies struct{ *store.Memory }

// DeleteFamily implements [store.Families].
func (stuckFamilies) DeleteFamily(context.Context, string) error { return store.ErrUnavailable }

// TestHalfEndedLoginDoesNotComeBack sends a copy while the store takes the revocation but not the deletion.
// The answer is 503, and the client repeats. Days later, after the revocation has expired, the refresh token
// must not work again.
func TestHalfEndedLoginDoesNotComeBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	first := gateway.RefreshToken("login", 1, [32]byte{})
	second := e.refresh(first)
	third := e.refresh(second.Refresh)
	stuck := func(c *gateway.Config) { refreshing(c); c.Store = stuckFamilies{e.store} }
	e.rebuild(t, stuck)
	for range 2 {
		if copied := e.refresh(first); copied.status != http.StatusServiceUnavailable {
			t.Fatalf("the copy gets %+v", copied)
		}
	}
	e.rebuild(t, refreshing)
	if again := e.refresh(first); again.Error != "invalid_grant" {
		t.Fatalf("the copy gets %+v", again)
	}
	e.clock.advance(10 * 24 * time.Hour)
	if back := e.refresh(third.Refresh); back.Error != "invalid_grant" {
		t.Errorf("the login is back: %+v", back)
	}
}
