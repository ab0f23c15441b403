package gateway

import (
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// Bounds that the tests in package gateway_test push past, or compare the documentation with.
const (
	MaxPolls        = engine.MaxPolls
	MaxReads        = engine.MaxReads
	MaxLook         = engine.MaxLook
	MaxCancels      = engine.MaxCancels
	MaxVerified     = identity.MaxCached
	MaxLoginCookies = identity.MaxLoginCookies
	MaxCookieToken  = engine.MaxCookieToken
	MaxBody         = maxBody
	BodyTimeout     = bodyTimeout
	NetworkShare    = engine.NetworkShare

	MaxTokenRevocations = engine.MaxTokenRevocations
)

// RefreshToken is one of a family with that secret.
func RefreshToken(login string, serial uint64, secret [32]byte) string {
	return engine.RefreshToken(login, serial, secret)
}

// Kept is how many logins the gateway keeps.
func (g *Gateway) Kept() int { return g.verifier.Cached() }

// OwnURLs are the URLs of every endpoint, and of one that is not there.
func (g *Gateway) OwnURLs() (urls []string) {
	for name := range g.endpointTable() {
		urls = append(urls, g.config.endpointURL("/"+strings.ReplaceAll(name, "*", "abcdefgh")))
	}
	for at := range g.router.hosted {
		urls = append(urls, "https://"+at)
	}
	return append(urls, g.config.endpointURL("/nosuch"))
}
