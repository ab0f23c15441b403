package gateway

import (
	"context"
	"errors"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// renewCookie returns the Set-Cookie that renews the cookie of a login, or nothing. It returns
// identity.ErrCookie for a login that is over. An answer that can set no cookie renews none.
func (g *Gateway) renewCookie(ctx context.Context, c *identity.Credential, settable bool) (cookie string, err error) {
	renewed, err := g.logins.Renew(ctx, engine.SessionCookie{Claims: &c.Claims, Sent: &c.Presented}, settable)
	switch {
	case errors.Is(err, engine.ErrGrant):
		return "", identity.ErrCookie
	case err != nil || renewed.Token == "":
		return "", err
	}
	return g.cookies.Valued(g.cookies.Session, renewed.Token, renewed.Lifetime), nil
}
