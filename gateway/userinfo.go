package gateway

import (
	"errors"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// serveUserinfo answers /userinfo with the claims of the request's credential. Like a site, it renews a
// cookie and detects a copied one.
func (g *Gateway) serveUserinfo(x exchange) error {
	sent := credentialsAt(x, g.config.endpointURL("/userinfo"))
	c, err := g.guard.Authenticate(x.r.Context(), sent)
	if err == nil && c.Kind == store.Browser {
		if x.r.Method != http.MethodGet && !sameOrigin(x.r, g.config.PublicURL) {
			return errCrossSite
		}
		var renewed string
		if renewed, err = g.renewCookie(x.r.Context(), c, true); renewed != "" {
			x.w.Header().Add("Set-Cookie", renewed)
		}
	}
	switch {
	case errors.Is(err, identity.ErrCookie):
		g.cookies.Clear(x.w, g.cookies.Session)
		return identity.ErrNoCredential
	case err != nil:
		return err
	}
	writeFreshNonce(x.w.Header(), sent)
	claims := c.AttributeClaims()
	claims["sub"], claims["acr"], claims["auth_time"] = c.Claims.Subject, c.Claims.ACR, c.Claims.AuthTime.Unix()
	writeJSON(x.w, http.StatusOK, "application/json", claims)
	return nil
}
