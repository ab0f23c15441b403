package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestPreflightNamesNoOtherMethod sends requests that only look like a CORS preflight. An upstream whose
// framework overrides methods would handle one as a DELETE without a login. Caddy drops names with an
// underscore. Another server may not.
func TestPreflightNamesNoOtherMethod(t *testing.T) {
	t.Parallel()
	ask := func(name string) *http.Request {
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		r.Header = http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"DELETE"}, name: {"DELETE"}}
		return r
	}
	for _, name := range []string{
		"X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X_Http_Method", "X_HTTP_METHOD_OVERRIDE", "X_Method_Override",
		"x_http-method_override", "X-HTTP-Method", "x-method-override", "X.Http.Method.Override", "Upgrade",
	} {
		if preflight(ask(name)) {
			t.Errorf("with %s it is a preflight", name)
		}
	}
	for _, name := range []string{"Access-Control-Request-Headers", "X-Http-Methods", "X-Method", "Method-Override", "Connection"} {
		if !preflight(ask(name)) {
			t.Errorf("with %s it is no preflight", name)
		}
	}
}

// TestNullOriginCountsBesideSameOriginAlone sends every pair of the two headers.
func TestNullOriginCountsBesideSameOriginAlone(t *testing.T) {
	t.Parallel()
	const own = "https://app.example.be"
	origins := [][]string{nil, {""}, {"null"}, {"Null"}, {" null"}, {"null", "null"}, {"null", own}, {own}, {own, own}, {"https://evil.example"}}
	sites := [][]string{nil, {""}, {"same-origin"}, {"Same-Origin"}, {"same-site"}, {"cross-site"}, {"none"}, {"same-origin", "same-origin"}, {"same-origin", "cross-site"}}
	for o, origin := range origins {
		for s, site := range sites {
			same := s == 2
			for method, want := range map[string]bool{
				http.MethodPost:    o == 7 || (same && (o == 0 || o == 2)),
				http.MethodConnect: o == 7 || (same && o == 0),
			} {
				r := httptest.NewRequest(method, "/", nil)
				r.Header = http.Header{"Origin": origin, "Sec-Fetch-Site": site}
				if got := sameOrigin(r, own); got != want {
					t.Errorf("%s, Origin %q, Sec-Fetch-Site %q: %v", method, origin, site, got)
				}
			}
		}
	}
}
