package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// TestDiscoveryIsFoundHoweverTheHostIsSpelt: the gateway keeps issuer and audience as configured, because
// verifiers compare them byte for byte. A client that requests the documents spells the host as browsers do.
func TestDiscoveryIsFoundHoweverTheHostIsSpelt(t *testing.T) {
	t.Parallel()
	config := usable(t)
	config.Token = gateway.TokenConfig{Issuer: "https://Login.example.be:443", Audience: []string{"https://API.example.be/v1"}}
	site := siteOf(t, config)
	for _, url := range []string{
		"https://login.example.be/.well-known/oauth-authorization-server",
		"https://login.example.be/.well-known/openid-configuration",
		"https://api.example.be/.well-known/oauth-protected-resource/v1",
	} {
		if got := fetch(site, url); got.Code != http.StatusOK {
			t.Errorf("%s: %d", url, got.Code)
		}
	}
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if diff := cmp.Diff([]string{"app.example.be", "login.example.be"}, g.Hosts()); diff != "" {
		t.Errorf("its hosts (-want +got):\n%s", diff)
	}
}

// publicDocuments are the URLs of the gateway that are the same for every client, and that every cache may
// keep.
var publicDocuments = []string{
	"/itsme/jwks.json", "/itsme/openapi.yaml", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server",
	"/.well-known/openid-configuration", "/.well-known/oauth-protected-resource", "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json",
}

// TestOwnEndpointsAreNoStore requests every URL of the gateway with every credential. No cache may keep an
// answer, except documents that are the same for all clients and set no cookie.
func TestOwnEndpointsAreNoStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *gateway.Config) { c.Verify = []string{"192.0.2.0/24"} }) // httptest's client
	bearer, _ := e.bearer(t)
	cookie, _ := e.cookie(t)
	garbage := request("Cookie", "__Host-itsme=garbage; __Host-itsme-l-abcdefgh=1; __Host-itsme-p=1")
	urls := e.OwnURLs()
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
					check(t, e.site.Serve(w, r, gateway.RequestInfo{}, func(http.ResponseWriter, *http.Request) error {
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

// TestMetadataNamesWhatIsServed follows each endpoint of the metadata. Libraries take the URLs from there, and
// Nimbus and openid-client look for userinfo_endpoint.
func TestMetadataNamesWhatIsServed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *gateway.Config) { c.Verify = []string{"192.0.2.0/24"} }) // httptest's client
	bearer, _ := e.bearer(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		var metadata map[string]any
		check(t, json.Unmarshal(e.answerOf(httptest.NewRequest(http.MethodGet, envURL+path, nil)).Body.Bytes(), &metadata))
		for member, row := range map[string]struct {
			method string
			status int
		}{
			"token_endpoint":      {http.MethodPost, http.StatusUnsupportedMediaType},
			"revocation_endpoint": {http.MethodPost, http.StatusUnsupportedMediaType},
			"userinfo_endpoint":   {http.MethodGet, http.StatusOK},
			"jwks_uri":            {http.MethodGet, http.StatusOK},

			"introspection_endpoint": {http.MethodPost, http.StatusUnsupportedMediaType},
		} {
			at, _ := metadata[member].(string)
			if !strings.HasPrefix(at, envURL+"/") {
				t.Errorf("%s: %s is %q", path, member, at)
				continue
			}
			r := httptest.NewRequest(row.method, at, http.NoBody)
			r.Header = bearer.Header.Clone()
			if got := e.answerOf(r); got.Code != row.status {
				t.Errorf("%s: %s answers %d", path, member, got.Code)
			}
		}
	}
}

// TestMetadataNameIntrospectionWithVerifyAlone: without peers there is no such endpoint.
func TestMetadataNameIntrospectionWithVerifyAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		if got := e.answerOf(httptest.NewRequest(http.MethodGet, envURL+path, nil)).Body.String(); strings.Contains(got, "introspection") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestCopiesAreComparedAsHTTPSays sends each form of If-None-Match (RFC 9110 section 13.1.2) to each
// document that has an ETag. TAG stands for the ETag. A proxy that compresses answers makes a tag weak, and a
// shared cache sends the tags of all its copies.
func TestCopiesAreComparedAsHTTPSays(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, path := range []string{"/itsme/jwks.json", "/.well-known/jwks.json", "/itsme/openapi.yaml"} {
		first := e.answerOf(httptest.NewRequest(http.MethodGet, envURL+path, nil))
		tag := first.Header().Get("ETag")
		if first.Code != http.StatusOK || tag == "" {
			t.Fatalf("%s: %d with ETag %q", path, first.Code, tag)
		}
		for _, row := range []struct {
			name  string
			lines []string
			same  bool
		}{
			{"the tag", []string{`TAG`}, true},
			{"weak", []string{`W/TAG`}, true},
			{"a list", []string{`"a", TAG , "b"`}, true},
			{"a list of weak ones", []string{`W/"a",W/TAG`}, true},
			{"empty members", []string{`,, TAG`}, true},
			{"a comma in another tag", []string{`"a,b", TAG`}, true},
			{"on a second line", []string{`"a"`, `TAG`}, true},
			{"any", []string{`*`}, true},
			{"any, with blanks", []string{" * "}, true},
			{"another one", []string{`"a"`}, false},
			{"none", nil, false},
			{"empty", []string{``}, false},
			{"in another tag", []string{`"a, TAG"`}, false},
			{"without quotes", []string{`BARE`}, false},
			{"weak in lower case", []string{`w/TAG`}, false},
			{"without a comma between", []string{`"a" TAG`}, false},
			{"after an open quote", []string{`"a, TAG`}, false},
			{"any in a list", []string{`"a", *`}, false},
			{"any in quotes", []string{`"*"`}, false},
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := httptest.NewRequest(method, envURL+path, nil)
				for _, line := range row.lines {
					r.Header.Add("If-None-Match", strings.NewReplacer("TAG", tag, "BARE", strings.Trim(tag, `"`)).Replace(line))
				}
				got := e.answerOf(r)
				if (got.Code == http.StatusNotModified) != row.same {
					t.Errorf("%s %s, %s: %d", method, path, row.name, got.Code)
				}
				if got.Header().Get("ETag") != tag || row.same && got.Body.Len() > 0 {
					t.Errorf("%s %s, %s: ETag %q and %d bytes", method, path, row.name, got.Header().Get("ETag"), got.Body.Len())
				}
			}
		}
	}
}
