package gateway

import (
	"context"
	"errors"

	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
)

// renewCookie returns the Set-Cookie that renews the cookie of a login, or nothing. It returns
// errCookie for a login that is over. An answer that can set no cookie renews none.
func (g *Gateway) renewCookie(ctx context.Context, l *login, settable bool) (cookie string, err error) {
	renewed, err := g.logins.Renew(ctx, engine.SessionCookie{Claims: &l.claims, Sent: &l.presented}, settable)
	switch {
	case errors.Is(err, engine.ErrGrant):
		return "", errCookie
	case err != nil || renewed.Token == "":
		return "", err
	}
	return g.cookies.valued(g.cookies.session, renewed.Token, renewed.Lifetime), nil
}
