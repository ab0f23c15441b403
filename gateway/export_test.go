package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
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

// RefreshToken returns a refresh token of a family with that secret. It does not call the code under test: apps
// keep their refresh tokens over an update of the gateway.
func RefreshToken(loginID string, serial uint64, secret [32]byte) string {
	name := loginID + "~" + strconv.FormatUint(serial, 10)
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(name))
	return name + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
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
