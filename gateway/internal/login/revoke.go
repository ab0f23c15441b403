package login

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// revoker revokes tokens and ends logins.
type revoker struct{ config *Config }

// Revoke revokes the token that a client sends (RFC 7009): an access token or a minted one alone, or with a
// refresh token the whole login. A token that is unknown or no longer valid is not an error.
func (r *revoker) Revoke(ctx context.Context, raw string) error {
	if r.config.Keys.KeySet() == nil {
		return ErrStarting
	}
	if presented, ok := parseRefreshToken(raw); ok {
		return r.revokeRefreshToken(ctx, presented, raw)
	}
	claims, invalid := r.config.Authority.VerifyAccess(raw)
	switch {
	case errors.Is(invalid, token.ErrMinted):
		return r.revokeMinted(ctx, raw)
	case invalid == nil:
		return r.revokeToken(ctx, claims.ID, claims.Subject, claims.ExpiresAt)
	}
	return nil
}

// revokeMinted revokes the token of an upstream. Past a number of revocations it returns [ErrTokenRate]: unlike a
// client, an upstream must not end the login.
func (r *revoker) revokeMinted(ctx context.Context, raw string) error {
	claims, invalid := r.config.Authority.VerifyMinted(raw)
	if invalid != nil {
		return nil
	}
	v := store.Revocation{Scope: store.ScopeToken, ID: claims.ID, Until: r.keepUntil(token.MaxMintedLifetime)}
	return r.revokeCounted(ctx, v, "revoke-minted:"+claims.LoginID, func(wait time.Duration) error {
		return retryAfter(ErrTokenRate, wait)
	})
}

func (r *revoker) revokeRefreshToken(ctx context.Context, presented refreshToken, raw string) error {
	// Also while refresh is off: the login must not work again when refresh is on.
	f, err := r.config.Store.LoadFamily(ctx, presented.loginID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		// A standby of the store may not have confirmed the revocation that ended the login.
		return storeError(r.config.Store.Confirm(ctx, store.Revocation{Scope: store.ScopeLogin, ID: presented.loginID}))
	case err != nil:
		return storeError(err)
	case !hmac.Equal([]byte(presented.signed(f.Secret)), []byte(raw)):
		return nil
	}
	return r.EndLogin(ctx, f.ID, f.Subject)
}

// MaxTokenRevocations bounds the tokens of one login that can be revoked one by one at once. One more ends
// the login: a client that revokes and refreshes in a loop must not fill every replica's list. One more is
// allowed every lifetime/MaxTokenRevocations, so that an app may revoke each token that it replaces.
const MaxTokenRevocations = 20

// revokeToken revokes one token. The subject is empty when it is unknown.
func (r *revoker) revokeToken(ctx context.Context, id, subject string, expires time.Time) error {
	// The revocation outlives the token: a repeated finish must not get a token in its place.
	v := store.Revocation{Scope: store.ScopeToken, ID: id, Until: r.keepUntil(0)}
	if over := expires.Add(2 * token.Skew); over.After(v.Until) {
		v.Until = over
	}
	return r.revokeCounted(ctx, v, "revoke:"+loginIDOf(id), func(time.Duration) error {
		return r.EndLogin(ctx, loginIDOf(id), subject)
	})
}

// revokeCounted revokes one token, and counts it for the owner. A token that is revoked already does not count. Past
// [MaxTokenRevocations] it calls full instead.
func (r *revoker) revokeCounted(ctx context.Context, v store.Revocation, owner string, full func(wait time.Duration) error) error {
	switch done, err := r.isRevoked(ctx, v); {
	case err != nil:
		return storeError(err)
	case done:
		return storeError(r.config.Store.Confirm(ctx, v))
	}
	wait, err := r.config.Store.Allow(ctx, store.Quota{Owner: owner, Limit: MaxTokenRevocations, Window: r.config.AccessLifetime})
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return full(wait)
	}
	return storeError(r.revoke(ctx, v))
}

// revoke stores a revocation. All revocations pass through it. It stores none for a token or login that is
// revoked already: no token was issued to it since. It confirms that one, because the answer to the first
// request may have been that no standby of the store has it.
func (r *revoker) revoke(ctx context.Context, v store.Revocation) error {
	switch done, err := r.isRevoked(ctx, v); {
	case err != nil:
		return err
	case done:
		return r.config.Store.Confirm(ctx, v)
	}
	err := r.config.Store.Revoke(ctx, v)
	if inForce(err) {
		r.config.Observe.Revocation(v)
	}
	return err
}

// inForce reports whether the store made a change. No standby may have it. What follows the change is done
// all the same.
func inForce(err error) bool { return err == nil || errors.Is(err, store.ErrUnconfirmed) }

// isRevoked reports whether a token or login is revoked already.
func (r *revoker) isRevoked(ctx context.Context, v store.Revocation) (bool, error) {
	switch v.Scope {
	case store.ScopeToken:
		return r.config.Store.Revoked(ctx, store.Credential{TokenID: v.ID})
	case store.ScopeLogin:
		return r.config.Store.Revoked(ctx, store.Credential{Login: v.ID})
	}
	return false, nil
}

// RevokeToken revokes the token with that jti on every replica, and no other token of its login. Past a
// number of revocations in one login, it ends the login. It returns an error when the store cannot take the
// revocation.
func (r *revoker) RevokeToken(ctx context.Context, jti string) error {
	return r.revokeToken(ctx, jti, "", r.keepUntil(r.longestToken()))
}

// RevokeLogin revokes every token of the login that a jti belongs to, and ends its refreshing. It returns the
// number of refreshable logins that it ended: one or none.
func (r *revoker) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	loginID, subject := loginIDOf(jti), ""
	f, err := r.config.Store.LoadFamily(ctx, loginID)
	switch {
	case err == nil:
		logins, subject = 1, f.Subject
	case !errors.Is(err, store.ErrNotFound):
		return 0, storeError(err)
	}
	return logins, r.EndLogin(ctx, loginID, subject)
}

// MaxRefresh bounds the time in which a login may be refreshed.
const MaxRefresh = 90 * 24 * time.Hour

// revocationReach is the time after now up to which a revocation covers tokens of a subject. The clock of
// another replica may be [token.Skew] ahead, and that replica may issue for [store.MaxStaleness] more, before
// it reads the revocation.
const revocationReach = token.Skew + store.MaxStaleness

// RevokeSubject revokes all tokens that any replica issued to a subject before, the subject's finishes under
// way, and the refreshing of logins that began before. It returns the number of running logins that it ended.
// An access token without a running login is revoked too, but not counted.
//
// A login that starts on any replica within [store.MaxStaleness] may count as under way: it then ends without a token.
// After that the subject can log in again. When a shared store loses its data, the marks of new logins no longer include
// the revocation. Then the subject can log in [revocationReach] after it.
func (r *revoker) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	until := r.config.Now().Add(revocationReach)
	longest := max(r.longestToken(), MaxRefresh) // families may be older than the configuration
	err = r.revoke(ctx, store.Revocation{
		Scope:       store.ScopeSubject,
		ID:          subject,
		IssuedUntil: until,
		Until:       r.keepUntil(longest + r.config.SessionLifetime),
	})
	if !inForce(err) {
		return 0, storeError(err)
	}
	running, failed := r.config.Store.WithdrawAll(ctx, subject)
	err = errors.Join(err, failed)
	for _, loginID := range running {
		ended, failed := r.config.Store.Revoked(ctx, store.Credential{Login: loginID})
		if failed == nil && !ended {
			logins++
		}
		err = errors.Join(err, failed, r.forgetLogin(ctx, loginID, ""))
	}
	return logins, storeError(err)
}

// longestToken returns the longest lifetime of a token.
func (r *revoker) longestToken() time.Duration {
	return max(r.config.CookieLifetime, r.config.AccessLifetime)
}

// keepUntil returns the time until which a revocation is kept. By then every token is over that any replica
// may issue now with that lifetime, and every finish that could return such a token again. Replicas accept a
// token for [token.Skew] after its end, and the store may expire entries by another clock.
func (r *revoker) keepUntil(lifetime time.Duration) time.Time {
	return r.config.Now().Add(revocationReach + max(lifetime, store.Retention) + 2*token.Skew)
}

// EndLogin ends a login. It revokes the login's tokens first, so that a refresh under way yields no valid
// token. It deletes the family even while refresh is off, so that the login does not work again when refresh
// is on.
func (r *revoker) EndLogin(ctx context.Context, loginID, subject string) error {
	err := r.revoke(ctx, store.Revocation{Scope: store.ScopeLogin, ID: loginID, Until: r.keepUntil(r.longestToken())})
	if inForce(err) {
		err = errors.Join(err, r.forgetLogin(ctx, loginID, subject))
	}
	return storeError(err)
}

// forgetLogin deletes a login's family and removes the login from its subject's list.
func (r *revoker) forgetLogin(ctx context.Context, loginID, subject string) error {
	err := r.config.Store.DeleteFamily(ctx, loginID)
	if !inForce(err) || subject == "" {
		return err
	}
	return errors.Join(err, r.config.Store.Withdraw(ctx, subject, loginID))
}
