package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// slide gives a browser a new session token in the second half of its own, as long as the login
// may be refreshed. The number in the token's jti is that of the family: a copy of a cookie that
// turns up after the browser has moved on, and [ReuseGrace], ends the login. It returns errCookie
// for a login that is over, and errReused for one that should be.
func (g *Gateway) slide(ctx context.Context, w http.ResponseWriter, l *login) error {
	if !g.refreshes() || g.now().Before(l.claims.IssuedAt.Add(l.claims.ExpiresAt.Sub(l.claims.IssuedAt)/2)) {
		return nil
	}
	_, number, _ := strings.Cut(l.claims.ID, ".")
	serial, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return nil // from before refreshing was on
	}
	f, err := g.config.Families.LoadFamily(ctx, l.claims.Login())
	if err != nil || !f.ExpiresAt.After(l.claims.ExpiresAt) {
		return nil // the login goes on until its own end
	}
	f, err = g.rotate(ctx, pending.Browser, refreshToken{l.claims.Login(), serial}, func(*pending.Family) bool { return true })
	switch {
	case errors.Is(err, errGrant):
		return errCookie
	case errors.Is(err, errReused):
		return err
	case err != nil:
		return nil // the store is away
	}
	claims, err := familyClaims(f)
	if err != nil {
		return nil
	}
	claims.ID = sessionTokenID(f.ID, f.Serial)
	raw, claims, err := g.authority.IssueSession(claims)
	if err != nil {
		return nil
	}
	g.cookies.set(w, g.cookies.session, raw, claims.ExpiresAt.Sub(g.now()))
	return nil
}

// sessionTokenID is the jti of a session token: its login and its number in the family.
func sessionTokenID(login string, serial uint64) string {
	return login + "." + strconv.FormatUint(serial, 10)
}
