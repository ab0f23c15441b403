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

// fullStore is a store like a Redis at its maxmemory: it answers what it knows and takes no revocation.
type fullStore struct{ *store.Memory }

// Revoke implements [store.Store].
func (fullStore) Revoke(context.Context, store.Revocation) error { return store.ErrUnavailable }

// TestLateRepeatsEndTheLogin presents the same refresh token again and again, each time later than a lost answer explains:
// two clients hold it. Beyond the count the login is over.
func TestLateRepeatsEndTheLogin(t *testing.T) {
	t.Parallel()
	f := openFort(t, refreshing)
	f.clock.stop()
	f.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	first := f.refresh(token)
	for i := range login.CountedRepeats {
		f.clock.advance(login.RepeatWindow + time.Second)
		if got := f.refresh(token); got.status != http.StatusOK || got.Refresh != first.Refresh {
			t.Fatalf("late repeat %d: %+v", i, got)
		}
	}
	f.clock.advance(login.RepeatWindow + time.Second)
	for _, raw := range []string{token, first.Refresh} {
		if got := f.refresh(raw); got.Error != "invalid_grant" || got.Access != "" {
			t.Errorf("one repeat too many: %+v", got)
		}
	}
}

// TestReuseIsNotForgottenWhileTheStoreIsFull presents what was used before, of a login that somebody else goes on
// with. As long as the login cannot be ended, whoever presents it is told to come back: told that it is over, they
// would start another, and nobody would ever end this one.
func TestReuseIsNotForgottenWhileTheStoreIsFull(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	refreshing := func(c *gateway.Config) { c.Token.Refresh = 30 * 24 * time.Hour }
	claims := f.claims()
	claims.ID = "login.1"
	cookie, _, err := f.authority.IssueSession(claims)
	check(t, err)
	for id, kind := range map[string]store.Kind{"login": store.Browser, "app": store.App} {
		check(t, f.store.CreateFamily(t.Context(), &store.Family{
			ID: id, Serial: 3, Kind: kind, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime, Claims: "{}",
			CreatedAt: f.clock.now(), ExpiresAt: f.clock.now().Add(30 * 24 * time.Hour),
		}))
	}
	f.clock.advance(5 * time.Hour)
	browser := request("Cookie", "__Host-itsme="+cookie)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {gateway.RefreshToken("app", 1, [32]byte{})}}
	for _, row := range []struct {
		name         string
		change       func(*gateway.Config)
		browser, app int
		cookies      int // that the browser is told to drop
	}{
		{"full", func(c *gateway.Config) { refreshing(c); c.Store = fullStore{f.store} }, http.StatusServiceUnavailable, http.StatusServiceUnavailable, 0},
		{"with room", refreshing, http.StatusUnauthorized, http.StatusBadRequest, 1},
	} {
		f.rebuild(t, row.change)
		w := httptest.NewRecorder()
		check(t, f.site.Serve(w, browser.Clone(t.Context()), gateway.Request{}, handedOn))
		if w.Code != row.browser || len(w.Result().Cookies()) != row.cookies {
			t.Errorf("%s: the browser gets %d and %d cookies", row.name, w.Code, len(w.Result().Cookies()))
		}
		app := httptest.NewRequest(http.MethodPost, fortURL+gateway.DefaultPath+"/token", strings.NewReader(form.Encode()))
		app.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got, _ := f.pass(app); got != row.app {
			t.Errorf("%s: the app gets %d", row.name, got)
		}
	}
}

// stuckFamilies forget no family: Redis went away between a revocation and the deletion that follows.
type stuckFamilies struct{ *store.Memory }

// DeleteFamily implements [store.Families].
func (stuckFamilies) DeleteFamily(context.Context, string) error { return store.ErrUnavailable }

// TestHalfEndedLoginDoesNotComeBack finds a copy while the store takes the revocation and not the
// deletion. Each client is asked to come back, and does. Days later, when the revocation is over, the
// refresh token must not work again.
func TestHalfEndedLoginDoesNotComeBack(t *testing.T) {
	t.Parallel()
	f := openFort(t, refreshing)
	f.clock.stop()
	f.family("login", store.App)
	first := gateway.RefreshToken("login", 1, [32]byte{})
	second := f.refresh(first)
	third := f.refresh(second.Refresh)
	stuck := func(c *gateway.Config) { refreshing(c); c.Store = stuckFamilies{f.store} }
	f.rebuild(t, stuck)
	for range 2 {
		if copied := f.refresh(first); copied.status != http.StatusServiceUnavailable {
			t.Fatalf("the copy gets %+v", copied)
		}
	}
	f.rebuild(t, refreshing)
	if again := f.refresh(first); again.Error != "invalid_grant" {
		t.Fatalf("the copy gets %+v", again)
	}
	f.clock.advance(10 * 24 * time.Hour)
	if back := f.refresh(third.Refresh); back.Error != "invalid_grant" {
		t.Errorf("the login is back: %+v", back)
	}
}
