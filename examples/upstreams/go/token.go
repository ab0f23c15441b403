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

// verifier verifies access tokens (RFC 9068) with the gateway's public keys.
type verifier struct {
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
}

// newVerifier fetches the keys, and again every 15 minutes, the longest that they may be kept: a leaked key is
// gone then. An unknown kid also fetches them, because a new key may sign, but at most twice a minute: clients
// can make up kids.
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
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}), // each key is valid for one of these
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
	// The library does not check typ. A JWT of the same issuer that is no access token has another typ.
	if !ok || err != nil || verified.Header["typ"] != "at+jwt" || claims.Subject == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "the access token is not valid", http.StatusUnauthorized)
		return
	}
	person{claims.Subject, claims.Name}.greet(w)
}
