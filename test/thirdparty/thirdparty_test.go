package thirdparty_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// verifiers are libraries of other projects. Each gets the URL of the gateway and the audience, and nothing more.
var verifiers = []struct {
	name   string
	verify func(ctx context.Context, gatewayURL, audience, raw string) (claims map[string]any, err error)
}{
	{"npm jose, from the JWKS URL", verifyWithJose},
	{"coreos/go-oidc, from the discovery document", verifyWithGoOIDC},
}

const jwksPath = "/.well-known/jwks.json"

// TestOthersVerifyOurTokens logs in as an app and passes the token to every verifier. Each accepts it, and
// refuses it when it was altered or is for another audience.
func TestOthersVerifyOurTokens(t *testing.T) {
	t.Parallel()
	requireNode(t)
	for _, algorithm := range []token.Algorithm{token.ES256, token.EdDSA, token.RS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			front := gatewaytest.Start(t, gateway.Config{Attributes: []string{"name"}, Keys: keystest.New(t, algorithm)})
			front.Check = apitest.Check
			raw := front.NewApp().Login(t, "adult")
			person := front.Signicat.Personas()[0]
			for _, v := range verifiers {
				t.Run(v.name, func(t *testing.T) {
					t.Parallel()
					claims, err := v.verify(t.Context(), front.URL, front.URL, raw)
					if err != nil {
						t.Fatalf("refused: %v", err)
					}
					if claims["sub"] != person.SubjectID || claims["acr"] != person.LoA || claims["name"] != person.Attributes["name"] {
						t.Errorf("the claims are not those of the persona: %v", claims)
					}
					if _, err := v.verify(t.Context(), front.URL, "https://api.example.be", raw); err == nil {
						t.Error("a token for another audience was accepted")
					}
					if _, err := v.verify(t.Context(), front.URL, front.URL, altered(raw)); err == nil {
						t.Error("a token with another signature was accepted")
					}
				})
			}
		})
	}
}

// altered changes a character in the middle of the signature, where every bit counts.
func altered(raw string) string {
	text := []byte(raw)
	i := (strings.LastIndexByte(raw, '.') + len(raw)) / 2
	if text[i] == 'A' {
		text[i] = 'B'
	} else {
		text[i] = 'A'
	}
	return string(text)
}

// requireNode fails early, with the remedy, where npm's jose cannot run.
func requireNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is not installed; this test needs Node.js 20 or newer: install it, then run `make test`")
	}
	if _, err := os.Stat(filepath.Join("..", "node", "node_modules", "jose")); err != nil {
		t.Fatal("npm's jose is not installed; run `make test`, or `npm ci` in test/node")
	}
}

func verifyWithJose(ctx context.Context, gatewayURL, audience, raw string) (map[string]any, error) {
	node := exec.CommandContext(ctx, "node", "verify.mjs", gatewayURL+jwksPath, gatewayURL, audience)
	node.Dir = filepath.Join("..", "node")
	node.Stdin = strings.NewReader(raw)
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return readClaims(out)
}

func verifyWithGoOIDC(ctx context.Context, gatewayURL, audience, raw string) (map[string]any, error) {
	provider, err := oidc.NewProvider(ctx, gatewayURL)
	if err != nil {
		return nil, err
	}
	verified, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	err = verified.Claims(&claims)
	return claims, err
}

func readClaims(text []byte) (claims map[string]any, err error) {
	err = json.Unmarshal(text, &claims)
	return claims, err
}
