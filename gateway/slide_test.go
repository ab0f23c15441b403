package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// TestLostCookieIsGivenAgain is a browser that an answer with its next cookie did not reach. Its next request comes
// with the old one, gets the same again, and the login goes on when the grace is over.
func TestLostCookieIsGivenAgain(t *testing.T) {
	t.Parallel()
	f := openFort(t, func(c *gateway.Config) { c.Token.Refresh, c.Families = 30*24*time.Hour, c.Store.(*pending.Memory) })
	claims := f.claims()
	claims.ID = "login.1"
	raw, _, err := f.authority.IssueSession(claims)
	check(t, err)
	check(t, f.store.CreateFamily(t.Context(), &pending.Family{
		ID: "login", Serial: 1, Kind: pending.Browser, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
		Claims: "{}", CreatedAt: f.clock.now(), ExpiresAt: f.clock.now().Add(30 * 24 * time.Hour),
	}))
	// send returns the cookie that the answer sets.
	send := func(cookie string) string {
		t.Helper()
		w := httptest.NewRecorder()
		check(t, f.site.Serve(w, request("Cookie", "__Host-itsme="+cookie), gateway.Request{}, handedOn))
		if w.Code != http.StatusOK {
			t.Fatalf("got %d", w.Code)
		}
		for _, c := range w.Result().Cookies() {
			return c.Value
		}
		return ""
	}
	f.clock.advance(5 * time.Hour)
	if send(raw) == "" {
		t.Fatal("the login does not slide")
	}
	f.clock.advance(gateway.RepeatWindow - time.Second)
	next := send(raw)
	if next == "" {
		t.Error("the old cookie gets no other one in the grace")
	}
	f.clock.advance(time.Minute)
	send(next)
}
