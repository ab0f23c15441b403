package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// publicDocuments are the own URLs that are the same for every client, and that every cache may keep.
var publicDocuments = []string{
	"/itsme/jwks.json", "/itsme/openapi.yaml", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server",
	"/.well-known/openid-configuration", "/.well-known/oauth-protected-resource", "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json",
}

// TestOwnEndpointsAreNoStore asks every own URL with every credential: no cache may keep an answer, but for
// documents that are the same for all and set no cookie.
func TestOwnEndpointsAreNoStore(t *testing.T) {
	t.Parallel()
	f := openFort(t, func(c *gateway.Config) { c.Verify = []string{"192.0.2.0/24"} }) // httptest's client
	bearer, _ := f.bearer(t)
	cookie, _ := f.cookie(t)
	garbage := request("Cookie", "__Host-itsme=garbage; __Host-itsme-l-abcdefgh=1; __Host-itsme-p=1")
	urls := f.OwnURLs()
	if len(urls) < 20 {
		t.Fatalf("only %q", urls)
	}
	for _, url := range urls {
		for _, sent := range []*http.Request{bearer, cookie, garbage, request("X-Note", "none")} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT"} {
				for _, accept := range []string{"text/html", "application/json"} {
					r := httptest.NewRequest(method, url, strings.NewReader("code=c&state="+strings.Repeat("s", 43)))
					r.Header = sent.Header.Clone()
					r.Header.Set("Accept", accept)
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					w := httptest.NewRecorder()
					check(t, f.site.Serve(w, r, gateway.Request{}, func(http.ResponseWriter, *http.Request) error {
						t.Errorf("%s is not the gateway's", url)
						return nil
					}))
					got := w.Result()
					document := slices.Contains(publicDocuments, r.URL.Path) && got.StatusCode < 400 && got.Header.Get("Set-Cookie") == ""
					if control := got.Header["Cache-Control"]; !document && !slices.Equal(control, []string{"no-store"}) {
						t.Errorf("%s %s: %d with Cache-Control %q", method, url, got.StatusCode, control)
					}
				}
			}
		}
	}
}
