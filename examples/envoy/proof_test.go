//go:build linux

package envoy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// TestProofOfAKeyThroughEnvoy logs in as an app with a key, and calls through Envoy. A proof passes once, for its own
// method and path, whatever the client says of them. It never reaches the service.
func TestProofOfAKeyThroughEnvoy(t *testing.T) {
	e := run(t)
	key := dpoptest.NewKey(t)
	access := e.boundLogin(t, key)
	proven := func(method, path string) string {
		proof := dpoptest.Proof{Method: method, URL: e.URL + path, Token: access}
		return "Authorization: DPoP " + access + "\r\nDPoP: " + key.Sign(t, proof) + "\r\n"
	}
	good := proven("GET", "/api")
	answer, got := e.ask(t, "GET", "/api?x=1", good)
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nx-itsme-name: Lien Peeters\r\n") || strings.Contains(strings.ToLower(got), "dpop") {
		t.Fatalf("with a proof: %d %v %s, the service got %q", answer.Status, answer.Header, answer.Body, got)
	}
	forwarded := "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: /api\r\nX-Forwarded-Host: " + e.envoy + "\r\n"
	for name, row := range map[string]struct{ method, target, lines string }{
		"again":          {"GET", "/api?x=1", good},
		"another path":   {"GET", "/other", forwarded + proven("GET", "/api")},
		"another method": {"DELETE", "/api", forwarded + proven("GET", "/api")},
		"without one":    {"GET", "/api", "Authorization: DPoP " + access + "\r\n"},
		"as a bearer":    {"GET", "/api", "Authorization: Bearer " + access + "\r\n"},
	} {
		answer, got := e.ask(t, row.method, row.target, row.lines)
		if answer.Status != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" || got != "" {
			t.Errorf("%s: %d %v, the service got %q", name, answer.Status, answer.Header, got)
		}
	}
}

// boundLogin logs in through Envoy with a key, and returns the access token.
func (e *env) boundLogin(t *testing.T, key *dpoptest.Key) string {
	t.Helper()
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}.Encode()
	proof := key.Sign(t, dpoptest.Proof{Method: http.MethodPost, URL: e.URL + "/itsme/token"})
	answer, _ := e.ask(t, http.MethodPost, "/itsme/token", "Content-Type: application/x-www-form-urlencoded\r\nDPoP: "+proof+"\r\n",
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(form), form))
	var tokens struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &tokens); err != nil || tokens.Type != "DPoP" {
		t.Fatalf("logging in: %d %s: %v", answer.Status, answer.Body, err)
	}
	return tokens.Access
}
