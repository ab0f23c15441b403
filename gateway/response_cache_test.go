package gateway_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
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

// TestSharedCacheMayNotStoreWhatAUserGets has an upstream whose headers let shared caches store its answer.
// An attacker could ask the cache for the same URL and get the user's page and cookie.
func TestSharedCacheMayNotStoreWhatAUserGets(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	bearer, _ := e.bearer(t)
	cookie, _ := e.cookie(t)
	for name, sent := range map[string]*http.Request{"bearer": bearer, "cookie": cookie} {
		for _, row := range storedRows {
			for _, status := range []int{0, 200, 206, 301, 304, 404} {
				w := httptest.NewRecorder()
				check(t, e.site.Serve(w, sent.Clone(t.Context()), gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
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

// TestErrorOfAUserIsPrivate: error pages are cacheable without any header (RFC 9110 section 15.1), and error
// routes write them with the header that itsme left.
func TestErrorOfAUserIsPrivate(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r, _ := e.bearer(t)
	w := httptest.NewRecorder()
	failed := errors.New("not found")
	if err := e.site.Serve(w, r, gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("X-Accel-Expires", "60")
		return failed
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields("Cache-Control", "private"), w.Header()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// optional returns a site with an optional login, public paths, and requests outside its matcher.
func optional(t *testing.T, e *env) *gateway.Site {
	t.Helper()
	site, err := e.NewSite(gateway.SiteConfig{Optional: true, Public: []string{"/public/*"}, CORSPreflight: true})
	check(t, err)
	return site
}

// TestAnonymousAnswersVary: a cache with the page of a client without a login must ask again for a client
// with one.
func TestAnonymousAnswersVary(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	site := optional(t, e)
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
		check(t, site.Serve(w, request("X-Note", "none"), gateway.RequestInfo{}, func(w http.ResponseWriter, _ *http.Request) error {
			answer(w, row.sent, 200)
			return nil
		}))
		if diff := cmp.Diff(row.want, w.Result().Header); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// TestPublicAnswersStayAsTheyAre: the upstream decides about caching where no login is needed.
func TestPublicAnswersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	site := optional(t, e)
	signed, _ := e.cookie(t)
	preflight := request("Origin", "https://other.example")
	preflight.Method = http.MethodOptions
	preflight.Header["Access-Control-Request-Method"] = []string{"PUT"}
	public := signed.Clone(t.Context())
	public.URL.Path = "/public/a.css"
	want := fields("Cache-Control", "public, max-age=60", "CDN-Cache-Control", "max-age=600", "X-Accel-Expires", "60", "Vary", "Accept", "Set-Cookie", "theme=dark")
	for name, row := range map[string]struct {
		sent *http.Request
		info gateway.RequestInfo
	}{
		"public":              {public, gateway.RequestInfo{}},
		"outside the matcher": {signed, gateway.RequestInfo{Unmatched: true}},
		"a preflight":         {preflight, gateway.RequestInfo{}},
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

// TestOwnEndpointsAreNeverTargeted has a site that sets fields for its CDN before the request reaches itsme,
// also for the gateway's endpoints. The CDN would store access tokens.
func TestOwnEndpointsAreNeverTargeted(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	set := fields("CDN-Cache-Control", "max-age=60", "Surrogate-Control", "max-age=60", "X-Accel-Expires", "60", "Cache-Control", "public")
	for _, path := range []string{"/itsme/token", "/itsme/userinfo", "/itsme/login", "/itsme/sessions/x", "/itsme/callback", "/api"} {
		r := request("X-Note", "none")
		r.URL.Path = path
		w := httptest.NewRecorder()
		maps.Copy(w.Header(), set.Clone())
		check(t, e.site.Serve(w, r, gateway.RequestInfo{}, handedOn))
		h := w.Result().Header
		for name := range set {
			if name != "Cache-Control" && h.Get(name) != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s: %v", path, name, h)
			}
		}
	}
}
