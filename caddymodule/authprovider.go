package caddymodule

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/request"
	"github.com/caddy-itsme/caddy-itsme/gateway"
)

func init() { caddy.RegisterModule(AuthProvider{}) }

// AuthProvider makes Caddy's authentication handler accept the gateway's access tokens beside other
// credentials, with a proof (RFC 9449) where they are bound to a key. It is configured in JSON only. It reads no
// cookie, applies no require and serves no endpoint.
// It neither strips nor sets request headers: the client's own token reaches the upstream behind it, which must
// not read the X-Itsme headers. The gateway mints no token for it. It
// adds Cache-Control: private to the response of a request with a token. Unlike the handler itsme, it does
// not remove fields for caches that the upstream adds.
type AuthProvider struct {
	// Use selects the gateway by name. Default default.
	Use string `json:"use,omitempty"`

	gateway *gateway.Gateway
	hosts   []string // of the site's addresses
}

// CaddyModule returns the Caddy module information.
func (AuthProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.authentication.providers.itsme", New: func() caddy.Module { return new(AuthProvider) }}
}

// Provision implements caddy.Provisioner.
func (p *AuthProvider) Provision(ctx caddy.Context) error {
	return provisionSite(ctx, func(app *App, place coverage.Place) error {
		i, err := app.instance(p.Use)
		if err != nil {
			return fmt.Errorf("use: %w", err)
		}
		p.gateway, p.hosts = i.gateway, place.Hosts()
		return nil
	})
}

// Authenticate implements caddyauth.Authenticator.
func (p *AuthProvider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	info := request.Info(r)
	identity, err := p.gateway.Authenticate(r, info, p.hosts...)
	if err != nil || identity == nil {
		p.gateway.Challenge(w.Header(), r, err) // RFC 9110 section 15.5.2
		if errors.Is(err, gateway.ErrCredential) {
			// Caddy logs every error that is returned here. With bad credentials a client could fill the log.
			err = nil
		}
		return caddyauth.User{}, false, err
	}
	w.Header().Add("Cache-Control", "private") // some caches in front ignore Authorization
	if info.Proof != nil && info.Proof.FreshNonce != "" {
		w.Header().Set("DPoP-Nonce", info.Proof.FreshNonce)
	}
	user := caddyauth.User{ID: identity.Subject, Metadata: make(map[string]string)}
	for _, name := range identity.Claims() {
		user.Metadata[name], _ = identity.Claim(name)
	}
	return user, true, nil
}

var (
	_ caddy.Provisioner       = (*AuthProvider)(nil)
	_ caddyauth.Authenticator = (*AuthProvider)(nil)
)
