package gateway

import (
	"context"
	"errors"
)

// renewCookie returns the Set-Cookie that renews the cookie of a login, or nothing. It returns
// errCookie for a login that is over. An answer that can set no cookie renews none.
func (g *Gateway) renewCookie(ctx context.Context, l *login, settable bool) (cookie string, err error) {
	renewed, err := g.engine.renewCookie(ctx, sessionCookie{&l.claims, &l.presented}, settable)
	switch {
	case errors.Is(err, errGrant):
		return "", errCookie
	case err != nil || renewed.token == "":
		return "", err
	}
	return g.cookies.valued(g.cookies.session, renewed.token, renewed.lifetime), nil
}
