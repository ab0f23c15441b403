package gateway

import (
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// Bounds that the tests in package gateway_test push past, or compare the documentation with.
const (
	MaxPolls        = maxPolls
	MaxReads        = maxReads
	MaxLook         = maxLook
	MaxCancels      = maxCancels
	MaxVerified     = identity.MaxCached
	MaxLoginCookies = identity.MaxLoginCookies
	MaxCookieToken  = maxCookieToken
	MaxBody         = maxBody
	BodyTimeout     = bodyTimeout
	NetworkShare    = networkShare

	MaxTokenRevocations = maxTokenRevocations
)

// RefreshToken is one of a family with that secret.
func RefreshToken(login string, serial uint64, secret [32]byte) string {
	return refreshToken{login, serial}.signed(secret)
}

// Kept is how many logins the gateway keeps.
func (g *Gateway) Kept() int { return g.verifier.Cached() }

// OwnURLs are the URLs of every endpoint, and of one that is not there.
func (g *Gateway) OwnURLs() (urls []string) {
	for name := range endpointTable() {
		urls = append(urls, g.own("/"+strings.ReplaceAll(name, "*", "abcdefgh")))
	}
	for at := range g.hosted {
		urls = append(urls, "https://"+at)
	}
	return append(urls, g.own("/nosuch"))
}
