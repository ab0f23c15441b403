package gateway

import (
	"context"
	"fmt"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Authority returns what issues and verifies the tokens of a gateway with this configuration, by
// Keys and Now, so that a tool judges a token as the gateway does. PublicURL is required. It does
// no I/O, and checks only what tokens depend on; what does not fit is an [ErrConfig].
func (c Config) Authority() (*token.Authority, error) {
	c = c.WithDefaults()
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, configErrorf("public_url: %q is not a URL; write it as https://host", c.PublicURL)
	}
	authority, err := token.NewAuthority(token.Config{
		Issuer:          c.Token.Issuer,
		Audience:        c.Token.Audience,
		ClientID:        public.Host,
		SessionAudience: c.PublicURL + c.Path,
		Lifetime:        c.Token.Lifetime,
		SessionLifetime: c.Cookie.Lifetime,
		Now:             c.Now,
	}, c.Keys)
	if err != nil {
		return nil, configErrorf("token: %v", err)
	}
	return authority, nil
}

// newVerifier returns what finds out who requests are from. It looks for revocations in the store.
func (g *Gateway) newVerifier() (*identity.Verifier, error) {
	return identity.New(identity.Config{
		Authority: g.authority,
		Keys:      g.config.Keys.KeySet,
		Claims:    append([]string{"sub", "acr", "auth_time"}, g.config.tokenClaims()...),
		Cookies:   g.cookies,
		Now:       g.now,
		Revoked: func(ctx context.Context, c *token.Claims) (bool, error) {
			revoked, err := g.store.Revoked(ctx, pending.Credential{
				TokenID: c.ID, Login: c.Login(), Subject: c.Subject, IssuedAt: c.IssuedAt, Mark: c.Mark(),
			})
			if err != nil {
				err = fmt.Errorf("%w: %w", engine.ErrStore, err)
			}
			return revoked, err
		},
		Observe: func(kind pending.Kind, result identity.Result, cached bool) {
			g.observe.Verification(Verification{Kind: kind, Result: VerificationResult(result), Kept: cached})
		},
	})
}
