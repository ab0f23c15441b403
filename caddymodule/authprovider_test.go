package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
)

func TestAuthProviderTakesBearerTokensOnly(t *testing.T) {
	key := keystest.PEM(t)
	s := site{t: t, Server: caddytest.RunJSON(t, strings.NewReplacer("KEY", keystest.File(t, key), "\n", "").Replace(`{"apps":{
		"itsme":{"gateways":{"main":{
			"public_url":"http://{{addr}}","attributes":["name"],"token":{"key":"KEY"},
			"signicat":{"client_id":"x","client_secret":"y","api_url":"http://127.0.0.1:1"}}}},
		"http":{"servers":{"s":{"listen":["{{addr}}"],"routes":[{"handle":[
			{"handler":"authentication","providers":{"itsme":{"use":"main"}}},
			{"handler":"static_response","body":"{http.auth.user.id}|{http.auth.user.name}|{http.auth.user.acr}"}]}]}}}}}`))}
	raw := accessToken(t, s.Server, key)
	s.want(http.StatusOK, "pseudonym=|Jan Peeters|high", "/", "Authorization", "Bearer "+raw)
	s.want(http.StatusUnauthorized, "", "/")
	s.want(http.StatusUnauthorized, "", "/", "Authorization", "Bearer "+raw+"x")
	s.want(http.StatusUnauthorized, "", "/", "Cookie", "itsme="+raw)
	answer, err := s.Client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	if got := answer.Header["Www-Authenticate"]; len(got) != 2 || got[0] != "Bearer" || got[1] != `DPoP algs="ES256"` {
		t.Errorf("the challenge is %q", got)
	}
	if strings.Contains(s.Log(), raw[:40]) {
		t.Error("the log shows the token")
	}
}

// TestAuthProviderChecksProofsLikeASite: a request meets two authentication handlers and a site, and its proof passes once
// for all of them. A proof of another key or URL, or of a request before, passes for none. A phone with a wrong clock gets a
// nonce.
func TestAuthProviderChecksProofsLikeASite(t *testing.T) {
	key := keystest.PEM(t)
	const authentication = `{"handler":"authentication","providers":{"itsme":{"use":"main"}}}`
	s := site{t: t, Server: caddytest.RunJSON(t, strings.NewReplacer("KEY", keystest.File(t, key), "\n", "").Replace(`{"apps":{
		"itsme":{"gateways":{"main":{
			"public_url":"http://{{addr}}","attributes":["name"],"token":{"key":"KEY"},
			"signicat":{"client_id":"x","client_secret":"y","api_url":"http://127.0.0.1:1"}}}},
		"http":{"servers":{"s":{"listen":["{{addr}}"],"routes":[{"handle":[
			`+authentication+`,{"handler":"rewrite","uri":"/rewritten"},`+authentication+`,{"handler":"itsme","use":"main"},
			{"handler":"static_response","body":"{http.auth.user.id}"}]}]}}}}}`))}
	client, other := dpoptest.NewKey(t), dpoptest.NewKey(t)
	raw := boundToken(t, s.Server, key, client.Thumbprint())
	sign := func(key *dpoptest.Key, url string, at time.Time) string {
		return key.Sign(t, dpoptest.Proof{Method: http.MethodGet, URL: url, Token: raw, At: at})
	}
	proof := sign(client, s.URL+"/a", time.Now())
	s.want(http.StatusOK, "pseudonym=", "/a", "Authorization", "DPoP "+raw, "DPoP", proof)
	for name, proof := range map[string]string{
		"again": proof, "another key": sign(other, s.URL+"/a", time.Now()), "the rewritten URL": sign(client, s.URL+"/rewritten", time.Now()), "none": "",
	} {
		t.Log(name)
		s.want(http.StatusUnauthorized, "", "/a", "Authorization", "DPoP "+raw, "DPoP", proof)
	}
	s.want(http.StatusUnauthorized, "", "/a", "Authorization", "Bearer "+raw)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/a", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"DPoP " + raw}, "Dpop": {sign(client, s.URL+"/a", time.Unix(1, 0))}}
	answer, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	nonce, challenge := answer.Header.Get("DPoP-Nonce"), answer.Header.Get("WWW-Authenticate")
	if nonce == "" || answer.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(challenge, `DPoP error="use_dpop_nonce"`) {
		t.Errorf("the answer has nonce %q, Cache-Control %q and %q", nonce, answer.Header.Get("Cache-Control"), challenge)
	}
	proof = client.Sign(t, dpoptest.Proof{Method: http.MethodGet, URL: s.URL + "/a", Token: raw, At: time.Unix(1, 0), Nonce: nonce})
	s.want(http.StatusOK, "pseudonym=", "/a", "Authorization", "DPoP "+raw, "DPoP", proof)
}

// TestAuthProviderKeepsAnswersPrivate is a cache in front that ignores Authorization, as nginx does.
// It must not store the page of one user, whatever the service says, and give it to another client.
func TestAuthProviderKeepsAnswersPrivate(t *testing.T) {
	key := keystest.PEM(t)
	s := site{t: t, Server: caddytest.RunJSON(t, strings.NewReplacer("KEY", keystest.File(t, key), "\n", "").Replace(`{"apps":{
		"itsme":{"gateways":{"main":{
			"public_url":"http://{{addr}}","attributes":["name"],"token":{"key":"KEY"},
			"signicat":{"client_id":"x","client_secret":"y","api_url":"http://127.0.0.1:1"}}}},
		"http":{"servers":{"s":{"listen":["{{addr}}"],"routes":[
			{"match":[{"header":{"X-Upstream":["silent"]}}],"handle":[{"handler":"static_response","body":"silent"}],"terminal":true},
			{"match":[{"header":{"X-Upstream":["public"]}}],"handle":[{"handler":"static_response","body":"public","headers":{"Cache-Control":["public, max-age=600"]}}],"terminal":true},
			{"handle":[
				{"handler":"authentication","providers":{"itsme":{"use":"main"}}},
				{"handler":"reverse_proxy","upstreams":[{"dial":"{{addr}}"}],
					"headers":{"request":{"set":{"X-Upstream":["{http.request.uri.path.0}"]}}}}]}]}}}}}`))}
	raw := accessToken(t, s.Server, key)
	for _, path := range []string{"/silent", "/public"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+raw)
		answer, err := s.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if got := answer.Header["Cache-Control"]; answer.StatusCode != http.StatusOK || len(got) == 0 || got[0] != "private" {
			t.Errorf("%s: %d with Cache-Control %q", path, answer.StatusCode, got)
		}
	}
}
