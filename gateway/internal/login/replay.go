package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// renewIssued makes sure that the token of an issued record can be handed out again. A token that
// cannot be used any more is replaced by another one with what is left of the login. It returns
// [pending.ErrConflict] when another call did so first.
func (e *Engine) renewIssued(ctx context.Context, record *pending.Record) error {
	f, err := e.familyOf(ctx, record)
	if err != nil {
		return err
	}
	if f != nil && f.Kind == pending.Browser && f.Serial > 1 {
		return e.handOutNewest(ctx, record, f)
	}
	if _, ok, err := e.reusable(ctx, record.Kind, record.Token); err != nil || ok {
		return err
	}
	claims, err := issuedClaims(record, f)
	if err != nil {
		return err
	}
	if claims.ID = record.TokenID; record.Kind == pending.App {
		claims.ID = e.nextTokenID(record.Kind, loginOf(record.TokenID), 0)
	}
	raw, claims, err := e.sign(record.Kind, claims)
	switch {
	case errors.Is(err, token.ErrExpired):
		return wrap(ErrGrant, "the login ended")
	case err != nil:
		return tokenError(err)
	}
	next := *record
	next.Token, next.TokenID, next.TokenExpiresAt = raw, claims.ID, claims.ExpiresAt
	if err := e.update(ctx, *record, &next, event{kind: eventReissue, issued: issued{token: raw, id: claims.ID, expires: claims.ExpiresAt}}, e.now()); err != nil {
		return err
	}
	*record = next
	return e.checkIssued(ctx, record)
}

// familyOf returns the family of an issued login, or nil when the login cannot be refreshed.
func (e *Engine) familyOf(ctx context.Context, record *pending.Record) (*pending.Family, error) {
	if !e.refreshes() {
		return nil, nil
	}
	f, err := e.config.Families.LoadFamily(ctx, loginOf(record.TokenID))
	if errors.Is(err, pending.ErrNotFound) {
		return nil, nil
	}
	return f, storeError(err)
}

// handOutNewest gives a browser its newest cookie instead of the first one, whose number would look
// like that of a copy.
func (e *Engine) handOutNewest(ctx context.Context, record *pending.Record, f *pending.Family) error {
	before := *f
	raw, claims, err := e.newest(ctx, f)
	if err == nil && *f != before {
		err = storeError(e.config.Families.UpdateFamily(ctx, f))
	}
	if err != nil {
		return err
	}
	record.Token, record.TokenID, record.TokenExpiresAt = raw, claims.ID, claims.ExpiresAt
	return e.checkIssued(ctx, record)
}

// issuedClaims are what the next token of an issued login says. The login ends with its family, or
// else with its first token, whose claims are the only ones there are: the key that signed it may be
// gone. The token comes from the store, and never from a client.
func issuedClaims(record *pending.Record, f *pending.Family) (token.Claims, error) {
	if f != nil {
		return familyClaims(f)
	}
	_, rest, _ := strings.Cut(record.Token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	claims := token.Claims{Subject: record.Subject, AuthTime: record.AuthTime, ExpiresAt: record.TokenExpiresAt}
	if err == nil {
		err = json.Unmarshal(text, &claims.Attributes)
	}
	if err != nil {
		return token.Claims{}, wrap(ErrStore, "an issued token is corrupt")
	}
	claims.ACR, _ = claims.Attributes["acr"].(string)
	maps.DeleteFunc(claims.Attributes, func(name string, _ any) bool { return token.IsReserved(name) })
	return claims, nil
}

// checkIssued refuses an issued login that was ended.
func (e *Engine) checkIssued(ctx context.Context, record *pending.Record) error {
	revoked, err := e.store.Revoked(ctx, pending.Credential{
		TokenID: record.TokenID, Login: loginOf(record.TokenID), Subject: record.Subject, IssuedAt: record.IssuedAt,
		Mark: markOf(record.TokenID),
	})
	switch {
	case err != nil:
		return storeError(err)
	case revoked:
		return wrap(ErrGrant, "the login was ended")
	}
	return nil
}
