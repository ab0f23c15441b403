package gateway

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// sessionCookie is a valid session token that a browser sent.
type sessionCookie struct {
	claims    *token.Claims
	presented *atomic.Bool // the family knows that the browser has this cookie
}

// renewedCookie is the session token that a browser gets next. The zero value is none.
type renewedCookie struct {
	token    string
	lifetime time.Duration
}

// renewCookie renews a browser's cookie in the second half of its life, as long as the login may be
// refreshed, and finds copies of old cookies. The number in a session token's jti is that of the
// family. It returns errGrant for a login that is over, and errReused for one that should be. For an
// answer that can set no cookie it renews none.
func (e *engine) renewCookie(ctx context.Context, c sessionCookie, settable bool) (renewedCookie, error) {
	serial, ok := e.cookieNumber(c)
	if !ok {
		return renewedCookie{}, nil
	}
	replaceable := !e.now().Before(c.claims.IssuedAt.Add(c.claims.ExpiresAt.Sub(c.claims.IssuedAt) / 2))
	if !replaceable && (serial == 1 || c.presented.Load()) { // it has no successor yet
		return renewedCookie{}, nil
	}
	for {
		renewed, err := e.renew(ctx, c, serial, replaceable && settable)
		switch {
		case errors.Is(err, pending.ErrConflict):
			continue
		case errors.Is(err, errGrant), errors.Is(err, errReused):
			return renewedCookie{}, err
		case err != nil || !settable:
			// With the store down or without keys, the cookie counts until its own end.
			return renewedCookie{}, nil
		}
		return renewed, nil
	}
}

// cookieNumber is the number of a cookie in its family; ok is false for a login without one.
func (e *engine) cookieNumber(c sessionCookie) (serial uint64, ok bool) {
	_, number, _ := strings.Cut(c.claims.ID, ".")
	serial, err := strconv.ParseUint(number, 10, 63)
	return serial, err == nil && e.refreshes()
}

// renew looks at one cookie with its family. It hands out the newest cookie where the browser may
// not have it yet.
func (e *engine) renew(ctx context.Context, c sessionCookie, serial uint64, due bool) (renewed renewedCookie, err error) {
	f, err := e.config.Families.LoadFamily(ctx, c.claims.Login())
	if err != nil {
		return renewedCookie{}, storeError(err)
	}
	if f.Kind != pending.Browser || serial > f.Serial {
		return renewedCookie{}, wrap(errGrant, "another cookie")
	}
	before := *f
	handOut, honest := useCookie(f, serial, due && f.ExpiresAt.After(c.claims.ExpiresAt))
	if !honest {
		return renewedCookie{}, e.endReused(ctx, f)
	}
	if handOut {
		raw, claims, err := e.newest(ctx, f)
		if err != nil {
			return renewedCookie{}, err
		}
		renewed = renewedCookie{raw, claims.ExpiresAt.Sub(e.now())}
	}
	if *f != before {
		if err := e.config.Families.UpdateFamily(ctx, f); err != nil {
			return renewedCookie{}, familyError(err)
		}
	}
	if serial == f.Serial {
		c.presented.Store(true)
	}
	if !handOut {
		return renewedCookie{}, nil
	}
	return renewed, e.checkFamily(ctx, f)
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
