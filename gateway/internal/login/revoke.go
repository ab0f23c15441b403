package login

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Revoke ends what a client presents (RFC 7009): an access token alone, or with a refresh
// token the whole login. A token that is unknown or no longer valid is no error.
func (e *Engine) Revoke(ctx context.Context, raw string) error {
	if !e.ready() {
		return ErrStarting
	}
	if presented, ok := parseRefreshToken(raw); ok {
		return e.revokeRefreshToken(ctx, presented, raw)
	}
	if claims, invalid := e.config.Authority.VerifyAccess(raw); invalid == nil {
		return e.revokeToken(ctx, claims.ID, claims.Subject, claims.ExpiresAt)
	}
	return nil
}

func (e *Engine) revokeRefreshToken(ctx context.Context, presented refreshToken, raw string) error {
	// Even while refresh is off: the login must not come back with it.
	f, err := e.config.Store.LoadFamily(ctx, presented.login)
	switch {
	case errors.Is(err, pending.ErrNotFound):
		return nil
	case err != nil:
		return storeError(err)
	case !hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw)):
		return nil
	}
	return e.EndLogin(ctx, f.ID, f.Subject)
}

// MaxTokenRevocations is how many tokens of one login can be revoked one by one at once. One more
// ends the login: a client that revokes and refreshes in a loop must not fill every replica's list.
// A place becomes free every lifetime/MaxTokenRevocations, so that an app may revoke what it replaces.
const MaxTokenRevocations = 20

// revokeToken refuses one token. The subject may be empty when it is not known.
func (e *Engine) revokeToken(ctx context.Context, id, subject string, expires time.Time) error {
	// A repeated finish may not get another token in its place, even when this one is over.
	v := pending.Revocation{Scope: pending.ScopeToken, ID: id, Until: e.untilOver(0)}
	if over := expires.Add(2 * token.Skew); over.After(v.Until) {
		v.Until = over
	}
	if done, err := e.isRevoked(ctx, v); err != nil || done {
		return storeError(err)
	}
	wait, err := e.store.Allow(ctx, "revoke:"+loginOf(id), MaxTokenRevocations, e.config.AccessLifetime)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return e.EndLogin(ctx, loginOf(id), subject)
	}
	return storeError(e.revoke(ctx, v))
}

// revoke is the only way in which something is refused. A token or login that is refused already is
// not listed again: nothing of it was issued since.
func (e *Engine) revoke(ctx context.Context, v pending.Revocation) error {
	if done, err := e.isRevoked(ctx, v); err != nil || done {
		return err
	}
	err := e.store.Revoke(ctx, v)
	if err == nil {
		e.config.Observe.Revocation(v)
	}
	return err
}

// isRevoked reports whether a token or login is refused already.
func (e *Engine) isRevoked(ctx context.Context, v pending.Revocation) (bool, error) {
	switch v.Scope {
	case pending.ScopeToken:
		return e.store.Revoked(ctx, pending.Credential{TokenID: v.ID})
	case pending.ScopeLogin:
		return e.store.Revoked(ctx, pending.Credential{Login: v.ID})
	}
	return false, nil
}

// RevokeToken refuses the token with that jti from now on, on every replica, and nothing else of
// its login. After many revocations of one login's tokens, one more ends the login. It returns an
// error when the store cannot take it.
func (e *Engine) RevokeToken(ctx context.Context, jti string) error {
	return e.revokeToken(ctx, jti, "", e.untilOver(e.longestToken()))
}

// RevokeLogin refuses every token of the login that a jti belongs to, and ends its refreshing. It
// returns how many refreshable logins it ended: one, or none when the login cannot be refreshed.
func (e *Engine) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	login, subject := loginOf(jti), ""
	f, err := e.config.Store.LoadFamily(ctx, login)
	switch {
	case err == nil:
		logins, subject = 1, f.Subject
	case !errors.Is(err, pending.ErrNotFound):
		return 0, storeError(err)
	}
	return logins, e.EndLogin(ctx, login, subject)
}

// MaxRefresh bounds how long a login may be refreshed.
const MaxRefresh = 90 * 24 * time.Hour

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
func (e *Engine) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	until := e.now().Add(revocationReach)
	longest := max(e.longestToken(), MaxRefresh) // families may be older than the configuration
	err = e.revoke(ctx, pending.Revocation{
		Scope:       pending.ScopeSubject,
		ID:          subject,
		IssuedUntil: until,
		Until:       e.untilOver(longest + e.config.SessionLifetime),
	})
	if err != nil {
		return 0, storeError(err)
	}
	running, err := e.store.WithdrawAll(ctx, subject)
	for _, login := range running {
		ended, failed := e.store.Revoked(ctx, pending.Credential{Login: login})
		if failed == nil && !ended {
			logins++
		}
		err = errors.Join(err, failed, e.forgetLogin(ctx, login, ""))
	}
	return logins, storeError(err)
}

// longestToken is the longest that a token of the gateway is valid.
func (e *Engine) longestToken() time.Duration {
	return max(e.config.CookieLifetime, e.config.AccessLifetime)
}

// untilOver is when everything is over that any replica may issue now with that lifetime, and every
// Finish that could hand it out again: replicas accept a token for [token.Skew] after its end, and
// the store may forget by another clock.
func (e *Engine) untilOver(lifetime time.Duration) time.Time {
	return e.now().Add(revocationReach + max(lifetime, pending.Retention) + 2*token.Skew)
}
