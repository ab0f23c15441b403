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
		err = g.revokeToken(x.r.Context(), claims.ID, claims.Subject, claims.ExpiresAt)
	}
	if err != nil {
		return err
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func (g *Gateway) revokeRefreshToken(ctx context.Context, presented refreshToken, raw string) error {
	if g.config.Families == nil {
		return nil
	}
	// Even while refresh is off: the login must not come back with it.
	f, err := g.config.Families.LoadFamily(ctx, presented.login)
	switch {
	case errors.Is(err, pending.ErrNotFound):
		return nil
	case err != nil:
		return storeError(err)
	case !hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw)):
		return nil
	}
	return g.endLogin(ctx, f.ID, f.Subject)
}

// maxTokenRevocations is how many tokens of one login can be revoked one by one at once. One more
// ends the login: a client that revokes and refreshes in a loop must not fill every replica's list.
// A place becomes free every lifetime/maxTokenRevocations, so that an app may revoke what it replaces.
const maxTokenRevocations = 20

// revokeToken refuses one token. The subject may be empty when it is not known.
func (g *Gateway) revokeToken(ctx context.Context, id, subject string, expires time.Time) error {
	// A repeated finish may not get another token in its place, even when this one is over.
	v := pending.Revocation{Scope: pending.ScopeToken, ID: id, Until: g.untilOver(0)}
	if over := expires.Add(2 * token.Skew); over.After(v.Until) {
		v.Until = over
	}
	if done, err := g.isRevoked(ctx, v); err != nil || done {
		return storeError(err)
	}
	wait, err := g.store.Allow(ctx, "revoke:"+loginOf(id), maxTokenRevocations, g.config.Token.Lifetime)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return g.endLogin(ctx, loginOf(id), subject)
	}
	return storeError(g.revoke(ctx, v))
}

// revoke is the only way in which something is refused. A token or login that is refused already is
// not listed again: nothing of it was issued since.
func (g *Gateway) revoke(ctx context.Context, v pending.Revocation) error {
	if done, err := g.isRevoked(ctx, v); err != nil || done {
		return err
	}
	err := g.store.Revoke(ctx, v)
	if err == nil {
		g.observe.Revocation(v)
	}
	return err
}

// isRevoked reports whether a token or login is refused already.
func (g *Gateway) isRevoked(ctx context.Context, v pending.Revocation) (bool, error) {
	switch v.Scope {
	case pending.ScopeToken:
		return g.store.Revoked(ctx, pending.Credential{TokenID: v.ID})
	case pending.ScopeLogin:
		return g.store.Revoked(ctx, pending.Credential{Login: v.ID})
	}
	return false, nil
}

// RevokeToken refuses the token with that jti from now on, on every replica, and nothing else of
// its login. After many revocations of one login's tokens, one more ends the login. It returns an
// error when the store cannot take it.
func (g *Gateway) RevokeToken(ctx context.Context, jti string) error {
	return g.revokeToken(ctx, jti, "", g.untilOver(g.longestToken()))
}

// RevokeLogin refuses every token of the login that a jti belongs to, and ends its refreshing. It
// returns how many refreshable logins it ended: one, or none when the login cannot be refreshed.
func (g *Gateway) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	login, subject := loginOf(jti), ""
	if g.config.Families != nil {
		f, err := g.config.Families.LoadFamily(ctx, login)
		switch {
		case err == nil:
			logins, subject = 1, f.Subject
		case !errors.Is(err, pending.ErrNotFound):
			return 0, storeError(err)
		}
	}
	return logins, g.endLogin(ctx, login, subject)
}

// revocationReach is how far in its own future a replica refuses what was issued to a subject. The
// clock of another replica may be [token.Skew] ahead, and that replica may issue for
// [pending.MaxStaleness] more, before it knows of the revocation.
const revocationReach = token.Skew + pending.MaxStaleness

// RevokeSubject refuses everything that any replica issued to a subject before, finishes that are
// under way, and the refreshing of logins that began before. It returns how many running logins it
// ended; an access token by itself cannot be counted, and is refused all the same.
//
// The subject can log in again at once. A login that starts on another replica within
// [pending.MaxStaleness] may count as one that was under way: it then ends without a token.
func (g *Gateway) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	until := g.now().Add(revocationReach)
	longest := g.longestToken()
	if g.config.Families != nil {
		longest = max(longest, MaxRefresh) // families may be older than the configuration
	}
	err = g.revoke(ctx, pending.Revocation{
		Scope:       pending.ScopeSubject,
		ID:          subject,
		IssuedUntil: until,
		Until:       g.untilOver(longest + g.config.SessionLifetime),
	})
	if err != nil {
		return 0, storeError(err)
	}
	running, err := g.store.WithdrawAll(ctx, subject)
	for _, login := range running {
		ended, failed := g.store.Revoked(ctx, pending.Credential{Login: login})
		if failed == nil && !ended {
			logins++
		}
		err = errors.Join(err, failed, g.forgetLogin(ctx, login, ""))
	}
	return logins, storeError(err)
}

// longestToken is the longest that a token of the gateway is valid.
func (g *Gateway) longestToken() time.Duration {
	return max(g.config.Cookie.Lifetime, g.config.Token.Lifetime)
}

// untilOver is when everything is over that any replica may issue now with that lifetime, and every
// finish that could hand it out again: replicas accept a token for [token.Skew] after its end, and
// the store may forget by another clock.
func (g *Gateway) untilOver(lifetime time.Duration) time.Time {
	return g.now().Add(revocationReach + max(lifetime, pending.Retention) + 2*token.Skew)
}
