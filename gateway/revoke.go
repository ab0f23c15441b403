package gateway

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// serveRevoke ends a token (RFC 7009): an access token alone, or with a refresh token the whole
// login. A token that is not ours or not good any more is no error.
func (g *Gateway) serveRevoke(x exchange) error {
	form, err := readForm(x.r, "token", "token_type_hint")
	if err != nil {
		return err
	}
	raw := form.Get("token")
	if raw == "" {
		return requestErrorf("token is required")
	}
	if !g.started() {
		return errStarting
	}
	if presented, ok := parseRefreshToken(raw); ok {
		err = g.revokeRefreshToken(x.r.Context(), presented, raw)
	} else if claims, invalid := g.authority.VerifyAccess(raw); invalid == nil {
		err = g.revokeToken(x.r.Context(), claims.ID, claims.ExpiresAt)
	}
	if err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func (g *Gateway) revokeRefreshToken(ctx context.Context, presented refreshToken, raw string) error {
	if !g.refreshes() {
		return nil
	}
	f, err := g.config.Families.LoadFamily(ctx, presented.login)
	switch {
	case errors.Is(err, pending.ErrNotFound):
		return nil
	case err != nil:
		return storeError(err)
	case !hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw)):
		return nil
	}
	return g.endFamily(ctx, f.ID)
}

func (g *Gateway) revokeToken(ctx context.Context, id string, expires time.Time) error {
	return storeError(g.revoke(ctx, pending.Revocation{
		Scope: pending.ScopeToken,
		ID:    id,
		Until: expires.Add(2 * token.Skew),
	}))
}

// revoke is the only way in which something is refused.
func (g *Gateway) revoke(ctx context.Context, v pending.Revocation) error {
	err := g.store.Revoke(ctx, v)
	if err == nil {
		g.observe.Revocation(v)
	}
	return err
}

// RevokeToken refuses the token with that jti from now on, on every replica, and nothing else of
// its login. It returns an error when the store cannot take it.
func (g *Gateway) RevokeToken(ctx context.Context, jti string) error {
	return g.revokeToken(ctx, jti, g.now().Add(g.longestToken()))
}

// RevokeLogin refuses every token of the login that a jti belongs to, and ends its refreshing.
func (g *Gateway) RevokeLogin(ctx context.Context, jti string) error {
	return g.endFamily(ctx, loginOf(jti))
}

// RevokeSubject refuses everything that was issued to a person up to this second, finishes that
// are under way, and the refreshing of logins that began before it. The person can log in again.
func (g *Gateway) RevokeSubject(ctx context.Context, subject string) error {
	now := g.now()
	// A login that began before may be refreshed for as long as families live.
	return storeError(g.revoke(ctx, pending.Revocation{
		Scope:       pending.ScopeSubject,
		ID:          subject,
		IssuedUntil: now,
		Until:       now.Add(max(g.longestToken(), g.config.Token.Refresh) + g.config.SessionLifetime + 2*token.Skew),
	}))
}

// longestToken is the longest that a token of the gateway is good.
func (g *Gateway) longestToken() time.Duration {
	return max(g.config.Cookie.Lifetime, g.config.Token.Lifetime)
}
