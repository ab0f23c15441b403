package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// verifier verifies access tokens (RFC 9068) by the gateway's public keys.
type verifier struct {
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
}

// newVerifier fetches the keys, and again every 15 minutes, which is how long they may be kept: a
// key that leaked is gone then. A kid that is not among them fetches them too, as a new key may
// sign, but only twice a minute, whatever clients make up.
func newVerifier(ctx context.Context, jwksURL, issuer, audience string) (*verifier, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURL}, keyfunc.Override{
		HTTPTimeout:       5 * time.Second,
		RefreshInterval:   15 * time.Minute,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(30*time.Second), 1),
		RateLimitWaitMax:  time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", jwksURL, err)
	}
	return &verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}), // of these, only the one that the key is for
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(time.Minute),
	)}, nil
}

func (v *verifier) readToken(w http.ResponseWriter, r *http.Request) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var claims struct {
		jwt.RegisteredClaims
		Name string `json:"name"`
	}
	verified, err := v.parser.ParseWithClaims(raw, &claims, v.keys.KeyfuncCtx(r.Context()))
	// The library does not look at typ. A JWT of the same issuer that is no access token has another.
	if !ok || err != nil || verified.Header["typ"] != "at+jwt" || claims.Subject == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "the access token is not valid", http.StatusUnauthorized)
		return
	}
	person{claims.Subject, claims.Name}.greet(w)
}
