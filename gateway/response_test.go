package gateway_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// fields makes a header of names and values.
func fields(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// storedRows are headers of an upstream's answer to a user, and what reaches the caches in front.
var storedRows = []struct {
	name       string
	sent, want http.Header
}{
	{"nothing", fields(), fields("Cache-Control", "private")},
	{"Expires alone", fields("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"), fields("Expires", "Thu, 01 Jan 2099 00:00:00 GMT", "Cache-Control", "private")},
	{"public", fields("Cache-Control", "public"), fields("Cache-Control", "private")},
	{
		"an immutable asset", fields("Cache-Control", "public, max-age=31536000, immutable"),
		fields("Cache-Control", "private, max-age=31536000, immutable"),
	},
	{"s-maxage", fields("Cache-Control", "max-age=60, s-maxage=600"), fields("Cache-Control", "private, max-age=60")},
	{"capitals and blanks", fields("Cache-Control", " PUBLIC ,\tS-MaxAge = 600 ,max-age=60"), fields("Cache-Control", "private, max-age=60")},
	{"public with a value", fields("Cache-Control", `public="x", max-age=60`), fields("Cache-Control", "private, max-age=60")},
	{"two lines", fields("Cache-Control", "max-age=60", "Cache-Control", "public"), fields("Cache-Control", "private, max-age=60")},
	{"private already", fields("Cache-Control", "max-age=60, private"), fields("Cache-Control", "max-age=60, private")},
	{"private of one field", fields("Cache-Control", `max-age=60, private="X-Foo"`), fields("Cache-Control", "private, max-age=60")},
	{"private of two fields", fields("Cache-Control", `private="X-Foo, X-Bar", max-age=60`), fields("Cache-Control", "private, max-age=60")},
	{"no-cache of the cookie", fields("Cache-Control", `no-cache="Set-Cookie", max-age=60`), fields("Cache-Control", `private, no-cache="Set-Cookie", max-age=60`)},
	{"a comma in quotes", fields("Cache-Control", `ext="a, private, b", max-age=60`), fields("Cache-Control", `private, ext="a, private, b", max-age=60`)},
	{"an escaped quote", fields("Cache-Control", `ext="a\", private", max-age=60`), fields("Cache-Control", `private, ext="a\", private", max-age=60`)},
	{"a quote without an end", fields("Cache-Control", `max-age=60, ext="a, private`), fields("Cache-Control", "private, max-age=60")},
	{"no-store", fields("Cache-Control", "no-store"), fields("Cache-Control", "private, no-store")},
	{"an empty line", fields("Cache-Control", ""), fields("Cache-Control", "private")},
	{"a name in small letters", http.Header{"cache-control": {"public, max-age=60"}}, fields("Cache-Control", "private, max-age=60")},
	{
		"targeted fields", fields("CDN-Cache-Control", "max-age=60", "Cloudflare-CDN-Cache-Control", "max-age=60", "Surrogate-Control", "max-age=60",
			"X-Accel-Expires", "60", "X-LiteSpeed-Cache-Control", "public,max-age=60", "Edge-Control", "cache-maxage=1h", "Fastly-Cache-Control", "max-age=60"),
		fields("Cache-Control", "private"),
	},
	{
		"targeted fields as they are written",
		http.Header{"CDN-Cache-Control": {"max-age=60"}, "x-accel-expires": {"60"}, "SURROGATE-CONTROL": {"max-age=60"}},
		fields("Cache-Control", "private"),
	},
	{
		"fields that only look like them", fields("X-Accel-Buffering", "no", "Access-Control-Allow-Origin", "*", "Surrogate-Key", "a"),
		fields("X-Accel-Buffering", "no", "Access-Control-Allow-Origin", "*", "Surrogate-Key", "a", "Cache-Control", "private"),
	},
	{"Vary", fields("Vary", "Accept-Language", "Cache-Control", "private"), fields("Vary", "Accept-Language", "Cache-Control", "private")},
	// Souin, the cache of cache-handler, stores what is private when Vary names Authorization.
	{"Vary by Authorization", fields("Vary", "Accept, authorization", "Cache-Control", "private"), fields("Vary", "Accept, authorization, *", "Cache-Control", "private")},
	{
		"other cookies", fields("Set-Cookie", "theme=dark; Path=/", "Cache-Control", "public"),
		fields("Set-Cookie", "theme=dark; Path=/", "Cache-Control", "private"),
	},
}

// TestSharedCacheMayNotStoreWhatAUserGets has an upstream answer with what lets shared caches store it.
// An attacker would ask the cache for the same URL and get the user's page, and their cookie.
func TestSharedCacheMayNotStoreWhatAUserGets(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	bearer, _ := f.bearer(t)
	cookie, _ := f.cookie(t)
	for name, sent := range map[string]*http.Request{"bearer": bearer, "cookie": cookie} {
		for _, row := range storedRows {
			for _, status := range []int{0, 200, 206, 301, 304, 404} {
				w := httptest.NewRecorder()
				check(t, f.site.Serve(w, sent.Clone(t.Context()), gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
					answer(w, row.sent, status)
					return nil
				}))
				if diff := cmp.Diff(row.want, w.Result().Header); diff != "" {
					t.Errorf("%s, %s, %d (-want +got):\n%s", row.name, name, status, diff)
				}
			}
		}
	}
}

// answer sends a header and a status; 0 sends neither, but has set the header.
func answer(w http.ResponseWriter, h http.Header, status int) {
	for name, lines := range h {
		w.Header()[name] = slices.Clone(lines)
	}
	if status != 0 {
		w.WriteHeader(status)
	}
}

// dueForRenewal opens a fort whose cookies are renewed, and returns a browser's request whose cookie is due.
func dueForRenewal(t *testing.T) (*fort, *http.Request) {
	t.Helper()
	f := openFort(t, func(c *gateway.Config) { c.Token.Refresh = 30 * 24 * time.Hour })
	claims := f.claims()
	claims.ID = "login.1"
	raw, _, err := f.authority.IssueSession(claims)
	check(t, err)
	check(t, f.store.CreateFamily(t.Context(), &pending.Family{
		ID: "login", Serial: 1, Kind: pending.Browser, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
		Claims: "{}", CreatedAt: f.clock.now(), ExpiresAt: f.clock.now().Add(30 * 24 * time.Hour),
	}))
	f.clock.advance(5 * time.Hour)
	return f, request("Cookie", "__Host-itsme="+raw)
}

// TestRenewedCookieIsNeverCacheable renews a browser's cookie on an asset that every cache may keep for a year.
func TestRenewedCookieIsNeverCacheable(t *testing.T) {
	t.Parallel()
	f, r := dueForRenewal(t)
	w := httptest.NewRecorder()
	check(t, f.site.Serve(w, r, gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
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

// TestCookieIsNotRenewedWhereItCannotBeSet: an answer that fails is written by the site's error routes, outside itsme, and
// may be cacheable; an upgrade has no answer. The cookie stays, and the next request renews it.
func TestCookieIsNotRenewedWhereItCannotBeSet(t *testing.T) {
	t.Parallel()
	failed := errors.New("the upstream is down")
	upgrade := func(r *http.Request) {
		r.Header["Upgrade"], r.Header["Connection"], r.Header["Origin"] = []string{"websocket"}, []string{"Upgrade"}, []string{fortURL}
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
			f, sent := dueForRenewal(t)
			again := sent.Clone(t.Context())
			row.change(sent)
			w := httptest.NewRecorder()
			_ = f.site.Serve(w, sent, gateway.Request{}, row.next)
			if cookies := w.Result().Header["Set-Cookie"]; len(cookies) > 0 {
				t.Errorf("it sets %q", cookies)
			}
			f.clock.advance(time.Hour) // beyond the grace in which a cookie that was lost is set again
			w = httptest.NewRecorder()
			check(t, f.site.Serve(w, again, gateway.Request{}, handedOn))
			if cookies := w.Result().Header["Set-Cookie"]; w.Code != 200 || len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-itsme=ey") {
				t.Errorf("the next request: %d %q", w.Code, cookies)
			}
		})
	}
}

// TestUpgradeClearsNoCookie: a bad cookie is cleared on an optional site, but not by a 101, whose header some caches add
// to what they store.
func TestUpgradeClearsNoCookie(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	site, err := f.NewSite(gateway.SiteConfig{Optional: true})
	check(t, err)
	for status, want := range map[int]int{200: 1, 101: 0} {
		r := request("Cookie", "__Host-itsme=bad")
		r.Header["Upgrade"], r.Header["Connection"], r.Header["Origin"] = []string{"websocket"}, []string{"Upgrade"}, []string{fortURL}
		w := httptest.NewRecorder()
		check(t, site.Serve(w, r, gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(status)
			return nil
		}))
		if cookies := w.Result().Header["Set-Cookie"]; w.Code != status || len(cookies) != want {
			t.Errorf("%d: the answer is %d and sets %q", status, w.Code, cookies)
		}
	}
}

// TestErrorOfAUserIsPrivate: error pages are cacheable without any header (RFC 9110 section 15.1), and error routes write
// them into the header that itsme left.
func TestErrorOfAUserIsPrivate(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	r, _ := f.bearer(t)
	w := httptest.NewRecorder()
	failed := errors.New("not found")
	if err := f.site.Serve(w, r, gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("X-Accel-Expires", "60")
		return failed
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields("Cache-Control", "private"), w.Header()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// optional opens a site on which a login is optional, with parts that are public, and outside its matcher.
func optional(t *testing.T, f *fort) *gateway.Site {
	t.Helper()
	site, err := f.NewSite(gateway.SiteConfig{Optional: true, Public: []string{"/public/*"}, CORSPreflight: true})
	check(t, err)
	return site
}

// TestAnonymousAnswersVary: a cache that has the page of a client without a login must ask again for one who has.
func TestAnonymousAnswersVary(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	site := optional(t, f)
	for _, row := range []struct {
		name       string
		sent, want http.Header
	}{
		{"nothing", fields("Cache-Control", "public, max-age=60"), fields("Cache-Control", "public, max-age=60", "Vary", "Cookie, Authorization")},
		{"another", fields("Vary", "Accept-Encoding"), fields("Vary", "Accept-Encoding, Cookie, Authorization")},
		{"two lines", fields("Vary", "Accept-Encoding", "Vary", "Accept"), fields("Vary", "Accept-Encoding, Accept, Cookie, Authorization")},
		{"one of them", fields("Vary", "accept, cookie"), fields("Vary", "accept, cookie, Authorization")},
		{"both", fields("Vary", "authorization", "Vary", "Cookie"), fields("Vary", "authorization, Cookie")},
		{"another that begins the same", fields("Vary", "Cookie-Hint"), fields("Vary", "Cookie-Hint, Cookie, Authorization")},
		{"everything", fields("Vary", "*"), fields("Vary", "*")},
		{"a name in small letters", http.Header{"vary": {"Accept"}}, fields("Vary", "Accept, Cookie, Authorization")},
	} {
		w := httptest.NewRecorder()
		check(t, site.Serve(w, request("X-Note", "none"), gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
			answer(w, row.sent, 200)
			return nil
		}))
		if diff := cmp.Diff(row.want, w.Result().Header); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// TestClearedCookieIsNeverCacheable sends a cookie that is none. The answer deletes it, and would do so for every user
// whom a cache serves it to.
func TestClearedCookieIsNeverCacheable(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	w := httptest.NewRecorder()
	check(t, optional(t, f).Serve(w, request("Cookie", "__Host-itsme=garbage"), gateway.Request{}, func(w http.ResponseWriter, _ *http.Request) error {
		answer(w, fields("Cache-Control", "public, s-maxage=60", "Surrogate-Control", "max-age=60"), 200)
		return nil
	}))
	want := fields("Cache-Control", "private", "Vary", "Cookie, Authorization, *", "Set-Cookie", "__Host-itsme=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
	if diff := cmp.Diff(want, w.Result().Header); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPublicAnswersStayAsTheyAre: what needs no login is the upstream's to cache.
func TestPublicAnswersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	site := optional(t, f)
	signed, _ := f.cookie(t)
	preflight := request("Origin", "https://other.example")
	preflight.Method = http.MethodOptions
	preflight.Header["Access-Control-Request-Method"] = []string{"PUT"}
	public := signed.Clone(t.Context())
	public.URL.Path = "/public/a.css"
	want := fields("Cache-Control", "public, max-age=60", "CDN-Cache-Control", "max-age=600", "X-Accel-Expires", "60", "Vary", "Accept", "Set-Cookie", "theme=dark")
	for name, row := range map[string]struct {
		sent *http.Request
		info gateway.Request
	}{
		"public":              {public, gateway.Request{}},
		"outside the matcher": {signed, gateway.Request{Unmatched: true}},
		"a preflight":         {preflight, gateway.Request{}},
	} {
		w := httptest.NewRecorder()
		check(t, site.Serve(w, row.sent, row.info, func(w http.ResponseWriter, _ *http.Request) error {
			answer(w, want, 200)
			return nil
		}))
		if diff := cmp.Diff(want, w.Result().Header); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUpstreamSetsNoCookieOfOurs has an upstream, or an attacker who writes into its answers, set the gateway's cookies
// and send identity headers to the browser: the user would go on as the attacker.
func TestUpstreamSetsNoCookieOfOurs(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	site := optional(t, f)
	signed, _ := f.cookie(t)
	public := request("X-Note", "none")
	public.URL.Path = "/public/a.css"
	forged := []string{
		"__Host-itsme=evil; Path=/; Secure", "__Host-itsme =evil", " __Host-itsme=evil", "\u2000__Host-itsme=evil; Domain=example.be", "\u00a0__Host-itsme\u3000=evil",
		"__Host-itsme", "=__Host-itsme=evil", "__Host-itsme-l-abcdefgh=evil", "__Host-itsme-p=1", "\t__Host-itsme=; Max-Age=0", "__Host-itsme;x=y",
	}
	kept := []string{"theme=dark; Path=/", "x__Host-itsme=1", "__Host-itsme2=1", "a=__Host-itsme=1"}
	for name, row := range map[string]struct {
		sent *http.Request
		info gateway.Request
	}{
		"a user":              {signed, gateway.Request{}},
		"without a login":     {request("X-Note", "none"), gateway.Request{}},
		"public":              {public, gateway.Request{}},
		"outside the matcher": {request("X-Note", "none"), gateway.Request{Unmatched: true}},
	} {
		for _, status := range []int{0, 101, 200, 304, 500} {
			w := httptest.NewRecorder()
			check(t, site.Serve(w, row.sent.Clone(t.Context()), row.info, func(w http.ResponseWriter, _ *http.Request) error {
				h := fields("X-Itsme-Subject", fortSubject, "X-Itsmeish", "stays", "X-Other", "stays")
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

// TestSitesCompose nests sites: of one gateway, and of two whose cookies have one name. What the inner one sets reaches
// the browser, through the outer one, once; and the outer one protects it too.
func TestSitesCompose(t *testing.T) {
	t.Parallel()
	sibling := openFort(t)
	for name, open := range map[string]func(*fort) *gateway.Site{
		"one gateway":  func(f *fort) *gateway.Site { return f.site },
		"two gateways": func(*fort) *gateway.Site { return sibling.site },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, sent := dueForRenewal(t)
			outer := open(f)
			// between the two stands a handler that makes the answer public again.
			serve := func(r *http.Request, next gateway.Next) http.Header {
				w := httptest.NewRecorder()
				check(t, outer.Serve(w, r, gateway.Request{Unmatched: true}, func(w http.ResponseWriter, r *http.Request) error {
					return f.site.Serve(overwriting{w}, r, gateway.Request{}, next)
				}))
				return w.Result().Header
			}
			h := serve(sent.Clone(t.Context()), func(w http.ResponseWriter, _ *http.Request) error {
				answer(w, fields("Set-Cookie", "__Host-itsme=evil", "Set-Cookie", "theme=dark"), 200)
				return nil
			})
			cookies := h["Set-Cookie"]
			if len(cookies) != 2 || cookies[0] != "theme=dark" || !strings.HasPrefix(cookies[1], "__Host-itsme=ey") || h.Get("Cache-Control") != "private" {
				t.Errorf("a renewed cookie: %v", h)
			}
			if h := serve(request("Cookie", "__Host-itsme=garbage"), handedOn); len(h["Set-Cookie"]) != 1 || h.Get("Cache-Control") != "private, no-store" {
				t.Errorf("a cookie that is cleared: %v", h)
			}
		})
	}
}

// overwriting makes every answer of 200 cacheable, as a deferred header operation does.
type overwriting struct{ http.ResponseWriter }

func (o overwriting) WriteHeader(status int) {
	if status == http.StatusOK {
		o.Header().Set("Cache-Control", "public")
	}
	o.ResponseWriter.WriteHeader(status)
}

// TestOwnEndpointsOfAnotherGatewayKeepTheirCookies asks the inner of two gateways, whose cookies have one name, for its
// login page.
func TestOwnEndpointsOfAnotherGatewayKeepTheirCookies(t *testing.T) {
	t.Parallel()
	outer, inner := openFort(t), openFort(t, func(c *gateway.Config) { c.Path = "/login" })
	r := httptest.NewRequest(http.MethodPost, fortURL+"/login/logout", nil)
	r.Header = http.Header{"Cookie": {"__Host-itsme=garbage"}, "Sec-Fetch-Site": {"same-origin"}}
	w := httptest.NewRecorder()
	check(t, outer.site.Serve(w, r, gateway.Request{Unmatched: true}, func(w http.ResponseWriter, r *http.Request) error {
		return inner.site.Serve(w, r, gateway.Request{}, handedOn)
	}))
	if cookies := w.Result().Header["Set-Cookie"]; w.Code != http.StatusNoContent || len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-itsme=;") {
		t.Errorf("%d %v", w.Code, w.Result().Header)
	}
}

// TestOwnEndpointsAreNeverTargeted: a site that sets fields for its CDN sets them for the gateway's endpoints too, before
// the request comes to itsme. The CDN would store access tokens.
func TestOwnEndpointsAreNeverTargeted(t *testing.T) {
	t.Parallel()
	f := openFort(t)
	set := fields("CDN-Cache-Control", "max-age=60", "Surrogate-Control", "max-age=60", "X-Accel-Expires", "60", "Cache-Control", "public")
	for _, path := range []string{"/itsme/token", "/itsme/userinfo", "/itsme/login", "/itsme/sessions/x", "/itsme/callback", "/api"} {
		r := request("X-Note", "none")
		r.URL.Path = path
		w := httptest.NewRecorder()
		maps.Copy(w.Header(), set.Clone())
		check(t, f.site.Serve(w, r, gateway.Request{}, handedOn))
		h := w.Result().Header
		for name := range set {
			if name != "Cache-Control" && h.Get(name) != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s: %v", path, name, h)
			}
		}
	}
}
