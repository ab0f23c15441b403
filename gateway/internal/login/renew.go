package login

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// SessionCookie is a valid session token that a browser sent.
type SessionCookie struct {
	Claims    *token.Claims
	Presented *atomic.Bool // the family records that the browser sent this cookie
}

// RenewedCookie is the new session token of a browser. The zero value is none.
type RenewedCookie struct {
	Token    string
	Lifetime time.Duration
}

// Renew renews a browser's cookie in the second half of its life, while the login may be refreshed, and
// detects copies of old cookies. The number in jti is the family's Serial at the time of signing. It returns
// ErrGrant for a login that ended, and ErrReused when it detected a copy but could not end the login.
// settable is false for an answer that can set no cookie: then it renews none.
func (i *issuer) Renew(ctx context.Context, c SessionCookie, settable bool) (RenewedCookie, error) {
	serial, ok := i.cookieNumber(c)
	if !ok {
		return RenewedCookie{}, nil
	}
	due := !i.config.Now().Before(c.Claims.IssuedAt.Add(c.Claims.ExpiresAt.Sub(c.Claims.IssuedAt) / 2))
	if !due && (serial == 1 || c.Presented.Load()) { // no successor yet, and no first use to record
		return RenewedCookie{}, nil
	}
	for {
		renewed, err := i.renewOnce(ctx, c, serial, due && settable)
		switch {
		case errors.Is(err, store.ErrConflict):
			continue
		case errors.Is(err, ErrGrant), errors.Is(err, ErrReused):
			return RenewedCookie{}, err
		case err != nil:
			// Without the store or keys, the cookie stays valid until it expires.
			return RenewedCookie{}, nil
		case !settable:
			return RenewedCookie{}, nil
		}
		return renewed, nil
	}
}

// cookieNumber returns the number of a cookie in its family. ok is false for a login without refresh.
func (i *issuer) cookieNumber(c SessionCookie) (serial uint64, ok bool) {
	_, number, _ := strings.Cut(c.Claims.ID, ".")
	serial, err := strconv.ParseUint(number, 10, 63)
	return serial, err == nil && i.refreshes()
}

// renewOnce compares one cookie with its family. It returns the newest cookie where the browser may not have
// it yet.
func (i *issuer) renewOnce(ctx context.Context, c SessionCookie, serial uint64, due bool) (renewed RenewedCookie, err error) {
	f, err := i.config.Store.LoadFamily(ctx, c.Claims.Login())
	if err != nil {
		return RenewedCookie{}, storeError(err)
	}
	if f.Kind != store.Browser || serial > f.Serial {
		return RenewedCookie{}, wrap(ErrGrant, "another cookie")
	}
	before := *f
	// The last cookie lives as long as the family: its successor could not live longer.
	handOut, honest := useCookie(f, serial, due && f.ExpiresAt.After(c.Claims.ExpiresAt))
	if !honest {
		return RenewedCookie{}, i.endReused(ctx, f)
	}
	if handOut {
		raw, claims, err := i.newest(ctx, f)
		if err != nil {
			return RenewedCookie{}, err
		}
		renewed = RenewedCookie{raw, claims.ExpiresAt.Sub(i.config.Now())}
	}
	if *f != before {
		if err := i.config.Store.UpdateFamily(ctx, f); err != nil {
			return RenewedCookie{}, familyError(err)
		}
	}
	if serial == f.Serial {
		c.Presented.Store(true)
	}
	if !handOut {
		return RenewedCookie{}, nil
	}
	return renewed, i.checkFamily(ctx, f)
}

// useCookie records the use of a cookie. handOut means that the answer sets the newest cookie. honest is false for a
// copy of an old cookie.
//
// An example, with 3 as the newest number: 3 gets 4 when it is due. 2 gets 3, again and again, until the browser first
// sends 3. After that 2 passes for [RepeatWindow]. 1 passes for RepeatWindow after the browser first sent 2.
func useCookie(f *store.Family, serial uint64, due bool) (handOut, honest bool) {
	now := f.ReadAt
	switch {
	case serial == f.Serial:
		if f.PresentedAt.IsZero() {
			f.PresentedAt = now
		}
		if due {
			f.Serial++
			f.Token, f.ParentPresentedAt, f.PresentedAt = "", f.PresentedAt, time.Time{}
		}
		return due, true
	case serial+1 == f.Serial && f.PresentedAt.IsZero():
		return true, true
	case serial+1 == f.Serial:
		return false, now.Sub(f.PresentedAt) <= RepeatWindow
	case serial+2 == f.Serial:
		return false, now.Sub(f.ParentPresentedAt) <= RepeatWindow
	}
	return false, false
}
