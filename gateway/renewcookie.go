package gateway

import (
	"context"
	"errors"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// renewCookie returns the Set-Cookie that renews the cookie of a login, or nothing. It returns
// identity.ErrCookie for a login that is over. An answer that can set no cookie renews none.
func (g *Gateway) renewCookie(ctx context.Context, c *identity.Credential, settable bool) (cookie string, err error) {
	renewed, err := g.engine.renewCookie(ctx, sessionCookie{&c.Claims, &c.Presented}, settable)
	switch {
	case errors.Is(err, errGrant):
		return "", identity.ErrCookie
	case err != nil || renewed.token == "":
		return "", err
	}
	return g.cookies.Valued(g.cookies.Session, renewed.token, renewed.lifetime), nil
}
