//go:build unix

package nginx_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// TestProofOfAKey logs in as an app with a key, and calls through nginx. A client cannot describe another request to the
// gateway, a proof passes once, and a phone with a wrong clock gets the nonce.
func TestProofOfAKey(t *testing.T) {
	e := run(t)
	key := dpoptest.NewKey(t)
	access := e.boundLogin(t, key)
	proven := func(proof dpoptest.Proof) string {
		proof.Token = access
		return "Authorization: DPoP " + access + "\r\nDPoP: " + key.Sign(t, proof) + "\r\n"
	}
	good := proven(dpoptest.Proof{Method: "GET", URL: e.URL + "/api"})
	answer, got := e.ask(t, "GET", "/api?x=1", good)
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nX-Itsme-Name: Lien Peeters\r\n") || strings.Contains(strings.ToLower(got), "dpop") {
		t.Fatalf("with a proof: %d %s, the service got %q", answer.Status, answer.Body, got)
	}
	const forwarded = "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: /api\r\n"
	for name, row := range map[string]struct{ method, target, lines string }{
		"again":                            {"GET", "/api?x=1", good},
		"another path":                     {"GET", "/other", forwarded + "X-Forwarded-Host: " + e.nginx + "\r\n" + proven(dpoptest.Proof{Method: "GET", URL: e.URL + "/api"})},
		"another method":                   {"DELETE", "/api", forwarded + proven(dpoptest.Proof{Method: "GET", URL: e.URL + "/api"})},
		"a host that the client describes": {"GET", "/api", "X-Forwarded-Host: evil.example\r\n" + proven(dpoptest.Proof{Method: "GET", URL: "http://evil.example/api"})},
	} {
		answer, got := e.ask(t, row.method, row.target, row.lines)
		challenge := answer.Header.Get("WWW-Authenticate")
		if answer.Status != http.StatusUnauthorized || got != "" || !strings.HasPrefix(challenge, `DPoP error="invalid_dpop_proof"`) {
			t.Errorf("%s: %d %q, the service got %q", name, answer.Status, challenge, got)
		}
	}
	wrong := dpoptest.Proof{Method: "GET", URL: e.URL + "/api", At: time.Unix(1, 0)}
	answer, _ = e.ask(t, "GET", "/api", proven(wrong))
	wrong.Nonce = answer.Header.Get("DPoP-Nonce")
	if !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), `DPoP error="use_dpop_nonce"`) || wrong.Nonce == "" {
		t.Fatalf("a wrong clock: %d %v", answer.Status, answer.Header)
	}
	if answer, _ = e.ask(t, "GET", "/api", proven(wrong)); answer.Status != http.StatusOK {
		t.Errorf("with the nonce: %d %v", answer.Status, answer.Header)
	}
}

// boundLogin logs in through nginx with a key, and returns the access token.
func (e *env) boundLogin(t *testing.T, key *dpoptest.Key) string {
	t.Helper()
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+"/itsme/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", key.Sign(t, dpoptest.Proof{Method: http.MethodPost, URL: e.URL + "/itsme/token"}))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.Type != "DPoP" {
		t.Fatalf("logging in: %d %q: %v", answer.StatusCode, tokens.Type, err)
	}
	return tokens.Access
}
