package gateway

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// slides reports whether a browser's session token is to be renewed: in its second half, as long as
// the login may be refreshed. The number in the token's jti is that of the family: a copy of a cookie
// that turns up after the browser has moved on, and [ReuseGrace], ends the login. It returns errCookie
// for a login that is over, and errReused for one that should be.
func (g *Gateway) slides(ctx context.Context, l *login) (bool, error) {
	if !g.refreshes() || g.now().Before(l.claims.IssuedAt.Add(l.claims.ExpiresAt.Sub(l.claims.IssuedAt)/2)) {
		return false, nil
	}
	used, ok := sessionOf(l)
	if !ok {
		return false, nil // from before refreshing was on
	}
	f, err := g.config.Families.LoadFamily(ctx, used.login)
	if err != nil || !f.ExpiresAt.After(l.claims.ExpiresAt) {
		return false, nil // the login goes on until its own end
	}
	_, _, err = g.present(ctx, pending.Browser, used, anyCookie)
	switch {
	case errors.Is(err, errGrant):
		return false, errCookie
	case errors.Is(err, errReused):
		return false, err
	}
	return err == nil, nil // else the store is unavailable
}

// slide returns the cookie with a browser's next session token, or nothing where there is none. It is
// called when the answer's header is written: a cookie that was used up and not replaced would end the
// login.
func (g *Gateway) slide(ctx context.Context, l *login) (cookie string) {
	used, _ := sessionOf(l)
	f, err := g.rotate(ctx, pending.Browser, used, anyCookie)
	if err != nil {
		return ""
	}
	claims, err := familyClaims(f)
	if err != nil {
		return ""
	}
	claims.ID = sessionTokenID(f.ID, f.Serial)
	raw, claims, err := g.authority.IssueSession(claims)
	if err != nil {
		return ""
	}
	return g.cookies.line(g.cookies.session, raw, int(claims.ExpiresAt.Sub(g.now())/time.Second))
}

// anyCookie takes every session token for genuine: its signature was verified.
func anyCookie(*pending.Family) bool { return true }

// sessionOf is which token of a family a browser's session token is.
func sessionOf(l *login) (used refreshToken, ok bool) {
	_, number, _ := strings.Cut(l.claims.ID, ".")
	serial, err := strconv.ParseUint(number, 10, 63)
	return refreshToken{l.claims.Login(), serial}, err == nil
}

// sessionTokenID is the jti of a session token: its login and its number in the family.
func sessionTokenID(login string, serial uint64) string {
	return login + "." + strconv.FormatUint(serial, 10)
}
