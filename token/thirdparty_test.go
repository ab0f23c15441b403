package token_test

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestOthersVerifyOurTokens gives another project's verifier nothing but the address of the JWKS, and rotates the keys
// behind it.
func TestOthersVerifyOurTokens(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			first, second := newKey(t, algorithm), newKey(t, token.EdDSA)
			inForce := keystest.Of(t, first)
			authority := newAuthority(t, config(), inForce)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/jwk-set+json")
				_, _ = w.Write(inForce.KeySet().JWKS())
			}))
			t.Cleanup(server.Close)
			verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(t.Context(), server.URL), &oidc.Config{
				ClientID:             audience,
				SupportedSigningAlgs: []string{string(token.ES256), string(token.EdDSA), string(token.RS256)},
				Now:                  func() time.Time { return noon },
			})

			before := issueAccess(t, authority)
			checkPerson(t, verifier, before)
			inForce.Set(keystest.Of(t, second, first).KeySet())
			checkPerson(t, verifier, issueAccess(t, authority))
			checkPerson(t, verifier, before)
		})
	}
}

func checkPerson(t *testing.T, verifier *oidc.IDTokenVerifier, raw string) {
	t.Helper()
	verified, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		ACR string `json:"acr"`
		NIN struct {
			Value string `json:"value"`
		} `json:"nin"`
	}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if verified.Subject != person().Subject || claims.ACR != "high" || claims.NIN.Value != "81042419835" {
		t.Errorf("sub %q, claims %+v", verified.Subject, claims)
	}
}

// TestOthersReadOurJWKS holds our thumbprints and key formats against go-jose's, and lets golang-jwt's parser verify
// with the keys that go-jose read.
func TestOthersReadOurJWKS(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			inForce := keystest.Of(t, newKey(t, algorithm))
			var set jose.JSONWebKeySet
			if err := json.Unmarshal(inForce.KeySet().JWKS(), &set); err != nil {
				t.Fatal(err)
			}
			key := set.Keys[0]
			if thumbprint, err := key.Thumbprint(crypto.SHA256); err != nil || encode(string(thumbprint)) != key.KeyID {
				t.Errorf("kid %s is no thumbprint: %v", key.KeyID, err)
			}
			if !key.IsPublic() || !key.Valid() {
				t.Error("not a valid public key")
			}
			parser := jwt.NewParser(
				jwt.WithValidMethods([]string{string(algorithm)}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
				jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return noon }),
			)
			raw := issueAccess(t, newAuthority(t, config(), inForce))
			parsed, err := parser.Parse(raw, func(*jwt.Token) (any, error) { return key.Key, nil })
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Header["typ"] != "at+jwt" || parsed.Header["kid"] != key.KeyID {
				t.Errorf("header: %v", parsed.Header)
			}
		})
	}
}
