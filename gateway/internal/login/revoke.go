package login

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// revoker refuses what was issued, and ends logins.
type revoker struct{ config *Config }

// revokePresented ends what a client presents (RFC 7009): an access token alone, or with a refresh
// token the whole login. A token that is unknown or no longer valid is no error.
func (r *revoker) revokePresented(ctx context.Context, raw string) error {
	if presented, ok := parseRefreshToken(raw); ok {
		return r.revokeRefreshToken(ctx, presented, raw)
	}
	if claims, invalid := r.config.Authority.VerifyAccess(raw); invalid == nil {
		return r.revokeToken(ctx, claims.ID, claims.Subject, claims.ExpiresAt)
	}
	return nil
}

func (r *revoker) revokeRefreshToken(ctx context.Context, presented refreshToken, raw string) error {
	// Even while refresh is off: the login must not come back with it.
	f, err := r.config.Store.LoadFamily(ctx, presented.login)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return storeError(err)
	case !hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw)):
		return nil
	}
	return r.endLogin(ctx, f.ID, f.Subject)
}

// MaxTokenRevocations is how many tokens of one login can be revoked one by one at once. One more
// ends the login: a client that revokes and refreshes in a loop must not fill every replica's list.
// A place becomes free every lifetime/MaxTokenRevocations, so that an app may revoke what it replaces.
const MaxTokenRevocations = 20

// revokeToken refuses one token. The subject may be empty when it is not known.
func (r *revoker) revokeToken(ctx context.Context, id, subject string, expires time.Time) error {
	// A repeated finish may not get another token in its place, even when this one is over.
	v := store.Revocation{Scope: store.ScopeToken, ID: id, Until: r.untilOver(0)}
	if over := expires.Add(2 * token.Skew); over.After(v.Until) {
		v.Until = over
	}
	if done, err := r.isRevoked(ctx, v); err != nil || done {
		return storeError(err)
	}
	wait, err := r.config.Store.Allow(ctx, "revoke:"+loginOf(id), MaxTokenRevocations, r.config.AccessLifetime)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return r.endLogin(ctx, loginOf(id), subject)
	}
	return storeError(r.revoke(ctx, v))
}

// revoke is the only way in which something is refused. A token or login that is refused already is
// not listed again: nothing of it was issued since.
func (r *revoker) revoke(ctx context.Context, v store.Revocation) error {
	if done, err := r.isRevoked(ctx, v); err != nil || done {
		return err
	}
	err := r.config.Store.Revoke(ctx, v)
	if err == nil {
		r.config.Observe.Revocation(v)
	}
	return err
}

// isRevoked reports whether a token or login is refused already.
func (r *revoker) isRevoked(ctx context.Context, v store.Revocation) (bool, error) {
	switch v.Scope {
	case store.ScopeToken:
		return r.config.Store.Revoked(ctx, store.Credential{TokenID: v.ID})
	case store.ScopeLogin:
		return r.config.Store.Revoked(ctx, store.Credential{Login: v.ID})
	}
	return false, nil
}

// revokeTokenID refuses the token with that jti from now on, on every replica, and nothing else of
// its login. After many revocations of one login's tokens, one more ends the login. It returns an
// error when the store cannot take it.
func (r *revoker) revokeTokenID(ctx context.Context, jti string) error {
	return r.revokeToken(ctx, jti, "", r.untilOver(r.longestToken()))
}

// revokeLogin refuses every token of the login that a jti belongs to, and ends its refreshing. It
// returns how many refreshable logins it ended: one, or none when the login cannot be refreshed.
func (r *revoker) revokeLogin(ctx context.Context, jti string) (logins int, err error) {
	login, subject := loginOf(jti), ""
	f, err := r.config.Store.LoadFamily(ctx, login)
	switch {
	case err == nil:
		logins, subject = 1, f.Subject
	case !errors.Is(err, store.ErrNotFound):
		return 0, storeError(err)
	}
	return logins, r.endLogin(ctx, login, subject)
}

// MaxRefresh bounds how long a login may be refreshed.
const MaxRefresh = 90 * 24 * time.Hour

// revocationReach is how far in its own future a replica refuses what was issued to a subject. The
// clock of another replica may be [token.Skew] ahead, and that replica may issue for
// [store.MaxStaleness] more, before it knows of the revocation.
const revocationReach = token.Skew + store.MaxStaleness

// revokeSubject refuses everything that any replica issued to a subject before, finishes that are
// under way, and the refreshing of logins that began before. It returns how many running logins it
// ended; an access token by itself cannot be counted, and is refused all the same.
//
// The subject can log in again at once. A login that starts on another replica within
// [store.MaxStaleness] may count as one that was under way: it then ends without a token.
func (r *revoker) revokeSubject(ctx context.Context, subject string) (logins int, err error) {
	until := r.config.Now().Add(revocationReach)
	longest := max(r.longestToken(), MaxRefresh) // families may be older than the configuration
	err = r.revoke(ctx, store.Revocation{
		Scope:       store.ScopeSubject,
		ID:          subject,
		IssuedUntil: until,
		Until:       r.untilOver(longest + r.config.SessionLifetime),
	})
	if err != nil {
		return 0, storeError(err)
	}
	running, err := r.config.Store.WithdrawAll(ctx, subject)
	for _, login := range running {
		ended, failed := r.config.Store.Revoked(ctx, store.Credential{Login: login})
		if failed == nil && !ended {
			logins++
		}
		err = errors.Join(err, failed, r.forgetLogin(ctx, login, ""))
	}
	return logins, storeError(err)
}

// longestToken is the longest that a token of the gateway is valid.
func (r *revoker) longestToken() time.Duration {
	return max(r.config.CookieLifetime, r.config.AccessLifetime)
}

// untilOver is when everything is over that any replica may issue now with that lifetime, and every
// finish that could hand it out again: replicas accept a token for [token.Skew] after its end, and
// the store may forget by another clock.
func (r *revoker) untilOver(lifetime time.Duration) time.Time {
	return r.config.Now().Add(revocationReach + max(lifetime, store.Retention) + 2*token.Skew)
}

// endLogin ends a login. It first refuses the login's tokens, so that a refresh under way yields
// nothing that works. The family goes even while refresh is off: it must not come back with it.
func (r *revoker) endLogin(ctx context.Context, login, subject string) error {
	err := r.revoke(ctx, store.Revocation{Scope: store.ScopeLogin, ID: login, Until: r.untilOver(r.longestToken())})
	if err == nil {
		err = r.forgetLogin(ctx, login, subject)
	}
	return storeError(err)
}

// forgetLogin deletes a login's family and withdraws the login from its subject's.
func (r *revoker) forgetLogin(ctx context.Context, login, subject string) error {
	if err := r.config.Store.DeleteFamily(ctx, login); err != nil {
		return err
	}
	if subject == "" {
		return nil
	}
	return r.config.Store.Withdraw(ctx, subject, login)
}
