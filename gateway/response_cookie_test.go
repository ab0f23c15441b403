package gateway_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// dueForRenewal returns an env whose cookies are renewed, and a request of a browser whose cookie is due.
func dueForRenewal(t *testing.T) (*env, *http.Request) {
	t.Helper()
	e := newEnv(t, func(c *gateway.Config) { c.Token.Refresh = 30 * 24 * time.Hour })
	claims := e.claims()
	claims.ID = "login.1"
	raw, _, err := e.authority.IssueSession(claims)
	check(t, err)
	check(t, e.store.CreateFamily(t.Context(), &store.Family{
		ID: "login", Serial: 1, Kind: store.Browser, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
		Claims: "{}", CreatedAt: e.clock.now(), ExpiresAt: e.clock.now().Add(30 * 24 * time.Hour),
	}))
	e.clock.advance(5 * time.Hour)
	return e, request("Cookie", "__Host-itsme="+raw)
}

// TestRenewedCookieIsNeverCacheable renews a browser's cookie on an asset that every cache may keep for a year.
func TestRenewedCookieIsNeverCacheable(t *testing.T) {
	t.Parallel()
	e, r := dueForRenewal(t)
	w := httptest.NewRecorder()
	check(t, e.site.Serve(w, r, gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
		answer(w, fields("Cache-Control", "public, max-age=31536000, immutable", "CDN-Cache-Control", "max-age=31536000"), 200)
		return nil
	}))
	h := w.Result().Header
	if cookies := h["Set-Cookie"]; len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-itsme=ey") {
		t.Errorf("the cookie is not renewed: %q", cookies)
	}
	delete(h, "Set-Cookie")
	if diff := cmp.Diff(fields("Cache-Control", "private, max-age=31536000, immutable"), h); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestCookieIsNotRenewedWhereItCannotBeSet: error routes write the answer of a failed request outside itsme,
// and it may be cacheable. An upgrade has no answer. The cookie stays, and the next request renews it.
func TestCookieIsNotRenewedWhereItCannotBeSet(t *testing.T) {
	t.Parallel()
	failed := errors.New("the upstream is down")
	upgrade := func(r *http.Request) {
		r.Header["Upgrade"], r.Header["Connection"], r.Header["Origin"] = []string{"websocket"}, []string{"Upgrade"}, []string{envURL}
	}
	for name, row := range map[string]struct {
		change func(*http.Request)
		next   gateway.Next
	}{
		"an error":                          {func(*http.Request) {}, func(http.ResponseWriter, *http.Request) error { return failed }},
		"an upgrade":                        {upgrade, func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(101); return nil }},
		"an upgrade that is refused":        {upgrade, func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(400); return nil }},
		"a CONNECT, as HTTP/2 has upgrades": {func(r *http.Request) { upgrade(r); delete(r.Header, "Upgrade"); r.Method = "CONNECT" }, handedOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, sent := dueForRenewal(t)
			again := sent.Clone(t.Context())
			row.change(sent)
			w := httptest.NewRecorder()
			_ = e.site.Serve(w, sent, gateway.RequestInfo{}, row.next)
			if cookies := w.Result().Header["Set-Cookie"]; len(cookies) > 0 {
				t.Errorf("it sets %q", cookies)
			}
			e.clock.advance(time.Hour) // beyond the grace in which a cookie that was lost is set again
			w = httptest.NewRecorder()
			check(t, e.site.Serve(w, again, gateway.RequestInfo{}, handedOn))
			if cookies := w.Result().Header["Set-Cookie"]; w.Code != 200 || len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-itsme=ey") {
				t.Errorf("the next request: %d %q", w.Code, cookies)
			}
		})
	}
}

// TestUpgradeClearsNoCookie: an optional site clears a bad cookie, but not in a 101, whose header some caches
// store.
func TestUpgradeClearsNoCookie(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	site, err := e.NewSite(gateway.SiteConfig{Optional: true})
	check(t, err)
	for status, want := range map[int]int{200: 1, 101: 0} {
		r := request("Cookie", "__Host-itsme=bad")
		r.Header["Upgrade"], r.Header["Connection"], r.Header["Origin"] = []string{"websocket"}, []string{"Upgrade"}, []string{envURL}
		w := httptest.NewRecorder()
		check(t, site.Serve(w, r, gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(status)
			return nil
		}))
		if cookies := w.Result().Header["Set-Cookie"]; w.Code != status || len(cookies) != want {
			t.Errorf("%d: the answer is %d and sets %q", status, w.Code, cookies)
		}
	}
}

// TestClearedCookieIsNeverCacheable sends an invalid cookie. The answer deletes it. From a cache, that answer
// would delete the cookie of every user.
func TestClearedCookieIsNeverCacheable(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := httptest.NewRecorder()
	check(t, optional(t, e).Serve(w, request("Cookie", "__Host-itsme=garbage"), gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
		answer(w, fields("Cache-Control", "public, s-maxage=60", "Surrogate-Control", "max-age=60"), 200)
		return nil
	}))
	want := fields("Cache-Control", "private", "Vary", "Cookie, Authorization, *", "Set-Cookie", "__Host-itsme=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
	if diff := cmp.Diff(want, w.Result().Header); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestUpstreamSetsNoCookieOfOurs has an upstream, or an attacker who controls its answers, set the gateway's
// cookies and send identity headers to the browser. The user would continue as the attacker.
func TestUpstreamSetsNoCookieOfOurs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	site := optional(t, e)
	signed, _ := e.cookie(t)
	public := request("X-Note", "none")
	public.URL.Path = "/public/a.css"
	forged := []string{
		"__Host-itsme=evil; Path=/; Secure", "__Host-itsme =evil", " __Host-itsme=evil", "\u2000__Host-itsme=evil; Domain=example.be", "\u00a0__Host-itsme\u3000=evil",
		"__Host-itsme", "=__Host-itsme=evil", "__Host-itsme-l-abcdefgh=evil", "__Host-itsme-p=1", "\t__Host-itsme=; Max-Age=0", "__Host-itsme;x=y",
	}
	kept := []string{"theme=dark; Path=/", "x__Host-itsme=1", "__Host-itsme2=1", "a=__Host-itsme=1"}
	for name, row := range map[string]struct {
		sent *http.Request
		info gateway.RequestInfo
	}{
		"a user":              {signed, gateway.RequestInfo{}},
		"without a login":     {request("X-Note", "none"), gateway.RequestInfo{}},
		"public":              {public, gateway.RequestInfo{}},
		"outside the matcher": {request("X-Note", "none"), gateway.RequestInfo{Unmatched: true}},
	} {
		for _, status := range []int{0, 101, 200, 304, 500} {
			w := httptest.NewRecorder()
			check(t, site.Serve(w, row.sent.Clone(t.Context()), row.info, func(w http.ResponseWriter, _ *http.Request) error {
				h := fields("X-Itsme-Subject", envSubject, "X-Itsmeish", "stays", "X-Other", "stays")
				h["Set-Cookie"] = slices.Concat(forged[:3], kept, forged[3:])
				h["set-cookie"], h["X_itsme.NIN"], h["x-itsme-name"] = []string{"__Host-itsme=evil"}, []string{"1"}, []string{"1"}
				answer(w, h, status)
				return nil
			}))
			got := w.Result().Header
			if diff := cmp.Diff(kept, got["Set-Cookie"]); diff != "" {
				t.Errorf("%s, %d (-want +got):\n%s", name, status, diff)
			}
			for _, gone := range []string{"X-Itsme-Subject", "X_itsme.NIN", "x-itsme-name", "set-cookie"} {
				if lines, ok := got[gone]; ok {
					t.Errorf("%s, %d: %s: %q", name, status, gone, lines)
				}
			}
			if got.Get("X-Itsmeish") != "stays" || got.Get("X-Other") != "stays" {
				t.Errorf("%s, %d: %v", name, status, got)
			}
		}
	}
}
