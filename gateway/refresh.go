package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// ReuseGrace is for how long a refresh token that was used gets the same successor again, while
// that one is unused: the answer may have been lost. After it, using it again means that two
// have it, and the login ends for both (RFC 9700 section 4.14.2).
const ReuseGrace = 30 * time.Second

// maxRefreshToken bounds what is looked at as a refresh token; ours have about 70 characters.
const maxRefreshToken = 256

// refreshToken is the name of one token of a family. It cannot be taken for a JWT, which has no
// tilde.
type refreshToken struct {
	login  string
	serial uint64
}

func (t refreshToken) name() string { return t.login + "~" + strconv.FormatUint(t.serial, 10) }

// signed is the token as clients hold it. Without the family's secret nobody can make one.
func (t refreshToken) signed(secret [32]byte) string {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(t.name()))
	return t.name() + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// parseRefreshToken reads the name of a refresh token. It proves nothing.
func parseRefreshToken(raw string) (refreshToken, bool) {
	if len(raw) > maxRefreshToken {
		return refreshToken{}, false
	}
	login, rest, ok := strings.Cut(raw, "~")
	number, _, signed := strings.Cut(rest, "~")
	serial, err := strconv.ParseUint(number, 10, 63)
	return refreshToken{login, serial}, ok && signed && err == nil && login != ""
}

// refreshes reports whether logins can be refreshed.
func (g *Gateway) refreshes() bool { return g.config.Token.Refresh > 0 }

// newFamily keeps what a login's refreshed tokens are made from.
func (g *Gateway) newFamily(ctx context.Context, kind pending.Kind, c token.Claims) error {
	claims, err := json.Marshal(c.Attributes)
	if err != nil {
		return fmt.Errorf("encoding claims: %w", err)
	}
	f := &pending.Family{
		ID:        c.Login(),
		Serial:    1,
		Kind:      kind,
		Subject:   c.Subject,
		ACR:       c.ACR,
		AuthTime:  c.AuthTime,
		Claims:    string(claims),
		CreatedAt: g.now(),
		ExpiresAt: g.now().Add(g.config.Token.Refresh),
	}
	_, _ = rand.Read(f.Secret[:]) // never fails
	return storeError(g.config.Families.CreateFamily(ctx, f))
}

// firstRefreshToken is what belongs to the token that a login ended with: the same for the same
// finish. Empty when the login cannot be refreshed.
func (g *Gateway) firstRefreshToken(ctx context.Context, tokenID string) (string, error) {
	if !g.refreshes() {
		return "", nil
	}
	f, err := g.config.Families.LoadFamily(ctx, loginOf(tokenID))
	switch {
	case errors.Is(err, pending.ErrNotFound):
		return "", nil
	case err != nil:
		return "", storeError(err)
	}
	return refreshToken{f.ID, 1}.signed(f.Secret), nil
}

// refreshed is a new access token, and the refresh token that takes the place of the one used.
type refreshed struct {
	access  string
	claims  token.Claims
	refresh string
}

// refresh exchanges an app's refresh token. Of any number of uses at once all get the same
// successor.
func (g *Gateway) refresh(ctx context.Context, raw string) (refreshed, error) {
	presented, ok := parseRefreshToken(raw)
	if !ok || !g.refreshes() {
		return refreshed{}, wrap(errGrant, "no refresh token")
	}
	f, err := g.rotate(ctx, pending.App, presented, func(f *pending.Family) bool {
		return hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw))
	})
	if err != nil {
		return refreshed{}, err
	}
	claims, err := familyClaims(f)
	if err != nil {
		return refreshed{}, err
	}
	claims.ID = f.ID + "." + g.authority.NewID()
	access, claims, err := g.authority.IssueAccess(claims)
	if err != nil {
		return refreshed{}, tokenError(err)
	}
	return refreshed{access, claims, refreshToken{f.ID, f.Serial}.signed(f.Secret)}, nil
}

// rotate uses up one token of a family and returns the family as it is then, whose Serial is the
// successor's. The token must be genuine; one that was used up before ends the family.
func (g *Gateway) rotate(ctx context.Context, kind pending.Kind, used refreshToken, genuine func(*pending.Family) bool) (*pending.Family, error) {
	for {
		f, succeeded, err := g.present(ctx, kind, used, genuine)
		if err != nil || succeeded {
			return f, err
		}
		f.Serial++
		f.RotatedAt = g.now()
		err = g.config.Families.UpdateFamily(ctx, f)
		if !errors.Is(err, pending.ErrConflict) {
			return f, familyError(err)
		}
	}
}

// present returns the family of a token that is being used, and whether the token has its successor
// already, because the answer with it may have been lost. One that was used up before ends the family.
func (g *Gateway) present(ctx context.Context, kind pending.Kind, used refreshToken, genuine func(*pending.Family) bool) (f *pending.Family, succeeded bool, err error) {
	f, err = g.family(ctx, used.login)
	switch {
	case err != nil:
		return nil, false, err
	case f.Kind != kind || used.serial > f.Serial || !genuine(f):
		return nil, false, wrap(errGrant, "another refresh token")
	case used.serial+1 == f.Serial && g.now().Sub(f.RotatedAt) <= ReuseGrace:
		return f, true, nil
	case used.serial < f.Serial:
		return nil, false, g.endReused(ctx, f.ID)
	}
	return f, false, nil
}

// errReused is returned when a token was used again, and its login could not be ended for that.
var errReused = errors.New("used again")

// endReused ends a login of which a token was used again. When the store cannot take that, the answer
// is to come back: whoever is told that the login is over never presents the token again, and the
// other one who has it would go on.
func (g *Gateway) endReused(ctx context.Context, login string) error {
	if err := g.endFamily(ctx, login); err != nil {
		return fmt.Errorf("%w: %w", errReused, err)
	}
	g.log.WarnContext(ctx, "a refresh token was used again; its login is ended")
	return wrap(errGrant, "used again")
}

// family loads a family whose login was not revoked. A person's revocation reaches every login
// that began before it.
func (g *Gateway) family(ctx context.Context, login string) (*pending.Family, error) {
	f, err := g.config.Families.LoadFamily(ctx, login)
	if err != nil {
		return nil, familyError(err)
	}
	revoked, err := g.store.Revoked(ctx, pending.Credential{Login: f.ID, Subject: f.Subject, IssuedAt: f.CreatedAt})
	switch {
	case err != nil:
		return nil, storeError(err)
	case revoked:
		return nil, wrap(errGrant, "revoked")
	}
	return f, nil
}

// familyError tells a family that is gone from a store that cannot answer.
func familyError(err error) error {
	if errors.Is(err, pending.ErrNotFound) {
		return wrap(errGrant, "the login ended")
	}
	return storeError(err)
}

// familyClaims are what every token of a family says. Nothing of it is ever refreshed.
func familyClaims(f *pending.Family) (token.Claims, error) {
	c := token.Claims{Subject: f.Subject, ACR: f.ACR, AuthTime: f.AuthTime, ExpiresAt: f.ExpiresAt}
	if err := json.Unmarshal([]byte(f.Claims), &c.Attributes); err != nil {
		return token.Claims{}, fmt.Errorf("%w: a family's claims are corrupt", errStore)
	}
	return c, nil
}

// endFamily ends a login: its tokens are refused first, so that a refresh under way yields
// nothing that works.
func (g *Gateway) endFamily(ctx context.Context, login string) error {
	err := g.revoke(ctx, pending.Revocation{
		Scope: pending.ScopeLogin,
		ID:    login,
		Until: g.now().Add(g.longestToken() + 2*token.Skew),
	})
	if err == nil && g.refreshes() {
		err = g.config.Families.DeleteFamily(ctx, login)
	}
	return storeError(err)
}
