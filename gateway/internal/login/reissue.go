package login

import (
	"context"
	"errors"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// reissue returns a new token for an issued login whose token cannot be handed out again. The new token ends
// with the login. It returns the zero value when the issued token is still usable. kept is true when the
// login's family holds the new token. Otherwise the caller stores it.
func (i *issuer) reissue(ctx context.Context, record *store.Record, f *store.Family) (_ issued, kept bool, err error) {
	if f != nil && f.Kind == store.Browser && f.Serial > 1 {
		next, err := i.newestCookie(ctx, f)
		return next, true, err
	}
	if _, ok, err := i.reusable(ctx, record.Kind, record.Token); err != nil || ok {
		return issued{}, false, err
	}
	claims, err := i.issuedClaims(record, f)
	if err != nil {
		return issued{}, false, err
	}
	if claims.ID = record.TokenID; record.Kind == store.App {
		claims.ID = i.nextTokenID(record.Kind, loginIDOf(record.TokenID), 0)
	}
	raw, claims, err := i.sign(record.Kind, claims)
	switch {
	case errors.Is(err, token.ErrExpired):
		return issued{}, false, wrap(ErrGrant, "the login ended")
	case err != nil:
		return issued{}, false, tokenError(err)
	}
	return issued{token: raw, id: claims.ID, expires: claims.ExpiresAt}, false, nil
}

// familyOf returns the family of an issued login, or nil for a login without refresh.
func (i *issuer) familyOf(ctx context.Context, record *store.Record) (*store.Family, error) {
	if !i.refreshes() {
		return nil, nil
	}
	f, err := i.config.Store.LoadFamily(ctx, loginIDOf(record.TokenID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return f, storeError(err)
}

// newestCookie returns a browser's newest cookie. The number of the first one would look like that of a copy.
func (i *issuer) newestCookie(ctx context.Context, f *store.Family) (issued, error) {
	before := *f
	raw, claims, err := i.newest(ctx, f)
	if err == nil && *f != before {
		err = storeError(i.config.Store.UpdateFamily(ctx, f))
	}
	if err != nil {
		return issued{}, err
	}
	return issued{token: raw, id: claims.ID, expires: claims.ExpiresAt}, nil
}

// issuedClaims returns the claims of the next token of an issued login. The login ends with its family.
// Without a family it ends with its first token, which then holds the only copy of the claims. That token
// comes from the store and never from a client, so its signature is not checked: the key of a signed one may be
// gone.
func (i *issuer) issuedClaims(record *store.Record, f *store.Family) (token.Claims, error) {
	if f != nil {
		return familyClaims(f)
	}
	held, err := i.config.Authority.Reread(record.Token)
	switch {
	case errors.Is(err, token.ErrNoKeys):
		return token.Claims{}, ErrStarting
	case errors.Is(err, token.ErrUnknownKey):
		return token.Claims{}, wrap(ErrGrant, "the key that encrypted the login was dropped")
	case err != nil:
		return token.Claims{}, wrap(ErrStore, "an issued token is corrupt")
	}
	return token.Claims{
		Subject: record.Subject, AuthTime: record.AuthTime, ExpiresAt: record.TokenExpiresAt,
		ACR: held.ACR, Attributes: held.Attributes, KeyThumbprint: record.KeyThumbprint,
	}, nil
}

// checkIssued refuses an issued login that was revoked.
func (i *issuer) checkIssued(ctx context.Context, record *store.Record) error {
	return i.refuseRevoked(ctx, store.Credential{
		TokenID: record.TokenID, Login: loginIDOf(record.TokenID), Subject: record.Subject, IssuedAt: record.IssuedAt,
		Mark: markOf(record.TokenID),
	}, errRevoked)
}
