package gateway_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestLostCookieIsGivenAgain has a browser that never gets its next cookie, because a proxy drops it. Each
// request gets the same next cookie again, for hours. After the browser sends that cookie, the old one is
// accepted for half a minute more.
func TestLostCookieIsGivenAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.Browser)
	claims := e.claims()
	claims.ID = "login.1"
	raw, _, err := e.authority.IssueSession(claims)
	check(t, err)
	// send returns the cookie that the answer sets.
	send := func(path, cookie string, want int) string {
		t.Helper()
		r := request("Cookie", "__Host-itsme="+cookie)
		r.URL.Path = path
		w := e.answerOf(r)
		if w.Code != want {
			t.Fatalf("got %d, want %d", w.Code, want)
		}
		for _, c := range w.Result().Cookies() {
			return c.Value
		}
		return ""
	}
	e.clock.advance(5 * time.Hour)
	next := send("/", raw, http.StatusOK)
	if next == "" {
		t.Fatal("the login is not renewed")
	}
	for range 10 {
		e.clock.advance(17 * time.Minute)
		if got := send("/", raw, http.StatusOK); got != next {
			t.Fatal("the old cookie gets another one")
		}
	}
	if got := send("/", next, http.StatusOK); got != "" {
		t.Error("the next cookie is renewed at once")
	}
	e.clock.advance(login.RepeatWindow)
	if got := send("/", raw, http.StatusOK); got != "" {
		t.Error("a request in parallel gets a cookie")
	}
	e.clock.advance(time.Second)
	send(gateway.DefaultPath+"/userinfo", raw, http.StatusUnauthorized)
	send("/", next, http.StatusUnauthorized)
}

// TestRenewedCookieOutlivesItsKey removes the key of a cookie that the browser did not get. The browser gets
// another cookie with the same number.
func TestRenewedCookieOutlivesItsKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.family("login", store.Browser)
	claims := e.claims()
	claims.ID = "login.1"
	old := e.keys.KeySet().Current()
	raw, _, err := e.authority.IssueSession(claims)
	check(t, err)
	e.clock.advance(5 * time.Hour)
	e.hold(t, newKey(t), old)
	r := request("Cookie", "__Host-itsme="+raw)
	first := e.answerOf(r.Clone(t.Context())).Result().Cookies()
	e.hold(t, newKey(t), old)
	second := e.answerOf(r.Clone(t.Context())).Result().Cookies()
	if len(first) != 1 || len(second) != 1 || first[0].Value == second[0].Value {
		t.Fatalf("the cookies are %v and %v", first, second)
	}
	if c, err := e.authority.VerifySession(second[0].Value); err != nil || c.ID != "login.2" {
		t.Errorf("the second cookie: %+v, %v", c, err)
	}
}

// TestRequestInFlightOverTwoRenewals has a browser with cookies of a minute. A slow request with the first
// cookie arrives after the browser has sent the second, which was renewed at once.
func TestRequestInFlightOverTwoRenewals(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing, func(c *gateway.Config) { c.Cookie.Lifetime = time.Minute })
	e.clock.stop()
	e.family("login", store.Browser)
	claims := e.claims()
	claims.ID, claims.ExpiresAt = "login.1", e.clock.now().Add(time.Minute)
	first, _, err := e.authority.IssueSession(claims)
	check(t, err)
	send := func(cookie string) (status int, next string) {
		w := e.answerOf(request("Cookie", "__Host-itsme="+cookie))
		for _, c := range w.Result().Cookies() {
			next = c.Value
		}
		return w.Code, next
	}
	e.clock.advance(30 * time.Second)
	_, second := send(first)
	e.clock.advance(30 * time.Second)
	if _, third := send(second); third == "" || third == second {
		t.Fatal("the second cookie is not renewed")
	}
	e.clock.advance(-time.Second) // the first cookie has not expired
	if status, next := send(first); status != http.StatusOK || next != "" {
		t.Errorf("the request in flight: %d and %q", status, next)
	}
}

// TestOlderCookieIsACopy sends a cookie that the browser replaced one, two or more renewals ago. The
// handshake of a WebSocket renews no cookie but detects the copy as well.
func TestOlderCookieIsACopy(t *testing.T) {
	t.Parallel()
	for _, upgrade := range []bool{false, true} {
		for newest := uint64(2); newest < 6; newest++ {
			presentOlderCookie(t, newest, upgrade)
		}
	}
}

func presentOlderCookie(t *testing.T, newest uint64, upgrade bool) {
	e := newEnv(t, refreshing)
	claims := e.claims()
	claims.ID = "login.1"
	raw, _, err := e.authority.IssueSession(claims)
	check(t, err)
	sent := e.clock.now().Add(-time.Minute)
	check(t, e.store.CreateFamily(t.Context(), &store.Family{
		ID: "login", Serial: newest, Kind: store.Browser, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
		Claims: "{}", CreatedAt: e.clock.now(), ExpiresAt: e.clock.now().Add(30 * 24 * time.Hour), PresentedAt: sent, ParentPresentedAt: sent,
	}))
	e.clock.advance(5 * time.Hour)
	r := request("Cookie", "__Host-itsme="+raw)
	if upgrade {
		r.Header["Connection"], r.Header["Upgrade"], r.Header["Origin"] = []string{"Upgrade"}, []string{"websocket"}, []string{envURL}
	}
	if w := e.answerOf(r); w.Code != http.StatusUnauthorized {
		t.Errorf("the first of %d, upgrade %t: %d", newest, upgrade, w.Code)
	}
	if _, err := e.store.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the first of %d, upgrade %t: the login goes on: %v", newest, upgrade, err)
	}
}

// TestClocksApartMakeNoThief sends each request to two replicas whose clocks are a minute apart. The 30 s for
// a repeat count by the store's clock, which is the same for both.
func TestClocksApartMakeNoThief(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-time.Minute, time.Minute} {
		e := newEnv(t, refreshing)
		e.clock.stop()
		other := *e
		other.rebuild(t, func(c *gateway.Config) {
			c.Now = func() time.Time { return e.clock.now().Add(ahead) }
		}, refreshing)
		e.family("app", store.App)
		token := gateway.RefreshToken("app", 1, [32]byte{})
		for range 10 {
			here, there := e.refresh(token), other.refresh(token)
			if here.status != http.StatusOK || there.Refresh != here.Refresh {
				t.Fatalf("%v: %+v and %+v", ahead, here, there)
			}
			token = here.Refresh
		}
		e.family("browser", store.Browser)
		claims := e.claims()
		claims.ID = "browser.1"
		raw, _, err := e.authority.IssueSession(claims)
		check(t, err)
		e.clock.advance(5 * time.Hour)
		next := e.answerOf(request("Cookie", "__Host-itsme="+raw)).Result().Cookies()[0].Value
		for _, cookie := range []string{next, raw, next, raw} {
			if w := other.answerOf(request("Cookie", "__Host-itsme="+cookie)); w.Code != http.StatusOK {
				t.Errorf("%v: a request in parallel: %d", ahead, w.Code)
			}
			if w := e.answerOf(request("Cookie", "__Host-itsme="+cookie)); w.Code != http.StatusOK {
				t.Errorf("%v: a request in parallel: %d", ahead, w.Code)
			}
		}
	}
}
