package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// minRemaining is the least remaining lifetime of a stored token that is handed out again.
const minRemaining = time.Minute

// refreshes reports whether logins can be refreshed.
func (i *issuer) refreshes() bool { return i.config.Refresh > 0 }

// newFamily returns the data from which a login's refreshed tokens are made. The family is as old as the
// login's first token, so that a revocation covers both or neither.
func (i *issuer) newFamily(kind store.Kind, c token.Claims) (*store.Family, error) {
	claims, err := json.Marshal(c.Attributes)
	if err != nil {
		return nil, fmt.Errorf("encoding claims: %w", err)
	}
	f := &store.Family{
		ID:        c.Login(),
		Serial:    1,
		Kind:      kind,
		Subject:   c.Subject,
		ACR:       c.ACR,
		AuthTime:  c.AuthTime,
		Claims:    string(claims),
		CreatedAt: c.IssuedAt,
		ExpiresAt: c.IssuedAt.Add(i.config.Refresh),
	}
	if c.KeyThumbprint != "" {
		f.BindKey(c.KeyThumbprint)
	}
	_, _ = rand.Read(f.Secret[:]) // never fails
	return f, nil
}

// family loads a family whose login was not revoked. The revocation of a subject covers every login that
// began before it.
func (i *issuer) family(ctx context.Context, loginID string) (*store.Family, error) {
	f, err := i.config.Store.LoadFamily(ctx, loginID)
	if err != nil {
		return nil, familyError(err)
	}
	err = i.checkFamily(ctx, f)
	if errors.Is(err, ErrGrant) {
		// The revocation did not delete the family. Without this deletion, the login would work again
		// when the revocation expires.
		if err := i.config.Store.DeleteFamily(ctx, loginID); err != nil {
			return nil, storeError(err)
		}
	}
	return f, err
}

// checkFamily refuses a family whose login was revoked. Call it before a token is signed and again after: the
// revocation may come in between.
func (i *issuer) checkFamily(ctx context.Context, f *store.Family) error {
	c := store.Credential{Login: f.ID, Subject: f.Subject, IssuedAt: f.CreatedAt, Mark: markOf(f.ID)}
	return i.refuseRevoked(ctx, c, errRevoked)
}

// familyError returns ErrGrant for a family that was deleted, and ErrStore for a store that is unavailable.
func familyError(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return wrap(ErrGrant, "the login ended")
	}
	return storeError(err)
}

// familyClaims returns the claims that all tokens of a family share. A refresh never changes them.
func familyClaims(f *store.Family) (token.Claims, error) {
	c := token.Claims{Subject: f.Subject, ACR: f.ACR, AuthTime: f.AuthTime, ExpiresAt: f.ExpiresAt, KeyThumbprint: f.KeyThumbprint}
	if err := json.Unmarshal([]byte(f.Claims), &c.Attributes); err != nil {
		return token.Claims{}, fmt.Errorf("%w: a family's claims are corrupt", ErrStore)
	}
	return c, nil
}

// newest returns the newest token of a family. It returns the stored one while it is usable. Otherwise it
// signs a new one and puts it into f.
func (i *issuer) newest(ctx context.Context, f *store.Family) (raw string, claims token.Claims, err error) {
	kept, ok, err := i.reusable(ctx, f.Kind, f.Token)
	if err != nil {
		return "", token.Claims{}, err
	}
	if ok {
		return f.Token, *kept, nil
	}
	if claims, err = familyClaims(f); err != nil {
		return "", token.Claims{}, err
	}
	claims.ID = i.nextTokenID(f.Kind, f.ID, f.Serial)
	raw, claims, err = i.sign(f.Kind, claims)
	switch {
	case errors.Is(err, token.ErrExpired):
		return "", token.Claims{}, wrap(ErrGrant, "the login ended")
	case err != nil:
		return "", token.Claims{}, tokenError(err)
	}
	f.Token = raw
	return raw, claims, nil
}

// reusable reports whether a stored token may be handed out again. It may not with less than minRemaining to
// live, without its key, or after its revocation.
func (i *issuer) reusable(ctx context.Context, kind store.Kind, raw string) (claims *token.Claims, ok bool, err error) {
	if raw == "" {
		return nil, false, nil
	}
	verify := i.config.Authority.VerifyAccess
	if kind == store.Browser {
		verify = i.config.Authority.VerifySession
	}
	claims, invalid := verify(raw)
	switch {
	case errors.Is(invalid, token.ErrNoKeys):
		return nil, false, ErrStarting
	case invalid != nil || claims.ExpiresAt.Sub(i.config.Now()) < minRemaining:
		return nil, false, nil
	}
	revoked, err := i.config.Store.Revoked(ctx, store.Credential{TokenID: claims.ID})
	return claims, err == nil && !revoked, storeError(err)
}

// nextTokenID returns the jti of a login's next token: random for an app, the number of the cookie for a
// browser.
func (i *issuer) nextTokenID(kind store.Kind, loginID string, serial uint64) string {
	if kind == store.Browser {
		return sessionTokenID(loginID, serial)
	}
	return loginID + "." + i.config.Authority.NewID()
}

// ErrReused is returned when a token was used again, and its login could not be ended.
var ErrReused = errors.New("used again")

// endReused ends a login whose old token was used. When the store is down, it answers 503 and not
// invalid_grant: the honest client would discard its token while the thief's copy stayed usable.
func (i *issuer) endReused(ctx context.Context, f *store.Family) error {
	if err := i.revoker.EndLogin(ctx, f.ID, f.Subject); err != nil {
		return fmt.Errorf("%w: %w", ErrReused, err)
	}
	i.config.Logger.WarnContext(ctx, "an old refresh token or cookie was used again: its login is ended")
	return wrap(ErrGrant, "used again")
}
