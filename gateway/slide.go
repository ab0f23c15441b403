package gateway

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// slide renews a browser's cookie in the second half of its life, as long as the login may be
// refreshed, and finds copies of old cookies. The number in a session token's jti is that of the
// family. It returns the Set-Cookie that the answer is to have, or nothing; errCookie for a login that is
// over, and errReused for one that should be. An answer that can set no cookie renews none.
func (g *Gateway) slide(ctx context.Context, l *login, settable bool) (cookie string, err error) {
	serial, ok := g.cookieNumber(l)
	if !ok {
		return "", nil
	}
	replaceable := !g.now().Before(l.claims.IssuedAt.Add(l.claims.ExpiresAt.Sub(l.claims.IssuedAt) / 2))
	if !replaceable && (serial == 1 || l.presented.Load()) { // it has no successor yet

		return "", nil
	}
	for {
		cookie, err := g.renew(ctx, l, serial, replaceable && settable)
		switch {
		case errors.Is(err, pending.ErrConflict):
			continue
		case errors.Is(err, errGrant):
			return "", errCookie
		case errors.Is(err, errReused):
			return "", err
		case err != nil || !settable:
			// With the store down or without keys, the cookie counts until its own end.
			return "", nil
		}
		return cookie, nil
	}
}

// cookieNumber is the number of a cookie in its family; ok is false for a login without one.
func (g *Gateway) cookieNumber(l *login) (serial uint64, ok bool) {
	_, number, _ := strings.Cut(l.claims.ID, ".")
	serial, err := strconv.ParseUint(number, 10, 63)
	return serial, err == nil && g.refreshes() && l.kind == pending.Browser
}

// renew looks at one cookie with its family. It hands out the newest cookie where the browser may
// not have it yet.
func (g *Gateway) renew(ctx context.Context, l *login, serial uint64, due bool) (cookie string, err error) {
	f, err := g.config.Families.LoadFamily(ctx, l.claims.Login())
	if err != nil {
		return "", storeError(err)
	}
	if f.Kind != pending.Browser || serial > f.Serial {
		return "", wrap(errGrant, "another cookie")
	}
	before := *f
	handOut, honest := useCookie(f, serial, due && f.ExpiresAt.After(l.claims.ExpiresAt))
	if !honest {
		return "", g.endReused(ctx, f)
	}
	var raw string
	claims := l.claims
	if handOut {
		if raw, claims, err = g.newest(ctx, f); err != nil {
			return "", err
		}
	}
	if *f != before {
		if err := g.config.Families.UpdateFamily(ctx, f); err != nil {
			return "", familyError(err)
		}
	}
	if serial == f.Serial {
		l.presented.Store(true)
	}
	if !handOut {
		return "", nil
	}
	return g.cookies.valued(g.cookies.session, raw, claims.ExpiresAt.Sub(g.now())), g.checkFamily(ctx, f)
}

// useCookie notes the use of a cookie. A browser gets the same successor until it sends it; then its
// parent is served for [RepeatWindow] more. What comes later is a copy, and not honest.
func useCookie(f *pending.Family, serial uint64, renewable bool) (handOut, honest bool) {
	now := f.ReadAt
	switch {
	case serial == f.Serial:
		if f.PresentedAt.IsZero() {
			f.PresentedAt = now
		}
		if renewable {
			f.Serial++
			f.Token, f.ParentPresentedAt, f.PresentedAt = "", f.PresentedAt, pending.Family{}.PresentedAt
		}
		return renewable, true
	case serial+1 == f.Serial && f.PresentedAt.IsZero():
		return true, true
	case serial+1 == f.Serial:
		return false, now.Sub(f.PresentedAt) <= RepeatWindow
	case serial+2 == f.Serial:
		return false, now.Sub(f.ParentPresentedAt) <= RepeatWindow
	}
	return false, false
}

// sessionTokenID is the jti of a session token: its login and its number in the family.
func sessionTokenID(login string, serial uint64) string {
	return login + "." + strconv.FormatUint(serial, 10)
}
