package gateway

import (
	"fmt"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// JWKSMaxAge is the time that a verifier may keep the JWKS, in seconds.
const JWKSMaxAge = token.JWKSMaxAge

// serveJWKS serves the public keys of the gateway's tokens.
func (g *Gateway) serveJWKS(x exchange) error {
	keys := g.config.Keys.KeySet()
	if keys == nil {
		return login.ErrStarting
	}
	h := x.w.Header()
	h.Set("Cache-Control", jwksCacheControl)
	h.Set("Access-Control-Allow-Origin", "*")
	if serveUnchanged(x, keys.ETag()) {
		return nil
	}
	h.Set("Content-Type", "application/jwk-set+json")
	_, _ = x.w.Write(keys.JWKS()) // fails when the client hung up
	return nil
}

var jwksCacheControl = fmt.Sprintf("public, max-age=%d", JWKSMaxAge)
