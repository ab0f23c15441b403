package gateway

import (
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// Bounds that tests in package gateway_test exceed, or compare with the documentation.
const (
	MaxPolls        = login.MaxPolls
	MaxReads        = login.MaxReads
	MaxRecheck      = login.MaxRecheck
	MaxCancels      = login.MaxCancels
	MaxVerified     = identity.MaxCached
	MaxLoginCookies = identity.MaxLoginCookies
	MaxCookieToken  = login.MaxCookieToken
	MaxBody         = maxBody
	BodyTimeout     = bodyTimeout
	NetworkShare    = login.NetworkShare

	MaxTokenRevocations = login.MaxTokenRevocations
)

// RefreshToken returns a refresh token of a family with that secret.
func RefreshToken(name string, serial uint64, secret [32]byte) string {
	return login.RefreshToken(name, serial, secret)
}

// Cached returns the number of cached credentials.
func (g *Gateway) Cached() int { return g.guard.Cached() }

// OwnURLs returns the URLs of every endpoint, and one without an endpoint.
func (g *Gateway) OwnURLs() (urls []string) {
	for name := range g.endpointTable() {
		urls = append(urls, g.config.endpointURL("/"+strings.ReplaceAll(name, "*", "abcdefgh")))
	}
	for at := range g.router.hosted {
		urls = append(urls, "https://"+at)
	}
	return append(urls, g.config.endpointURL("/nosuch"))
}
