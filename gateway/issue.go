package gateway

import (
	"context"
	"errors"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// maxCookieToken leaves room for the cookie's name and attributes in the 4,096 bytes that every
// browser keeps (RFC 6265 section 6.1).
const maxCookieToken = 3800

// issue ends a login with a token: an access token for an app, a session token for a browser.
func (g *Gateway) issue(ctx context.Context, record *pending.Record, session *signicat.Session) error {
	if session.Status != signicat.StatusSuccess {
		return g.endAs(ctx, record, session)
	}
	if reason := g.checkResult(record, session); reason != "" {
		return g.refuseResult(ctx, record, reason)
	}
	revoked, err := g.store.Revoked(ctx, pending.Credential{Subject: session.Subject.ID, IssuedAt: record.CreatedAt})
	if err != nil {
		return storeError(err)
	}
	if revoked {
		return g.refuseResult(ctx, record, reasonRevoked)
	}
	now := g.now()
	raw, claims, err := g.sign(record.Kind, token.Claims{
		ID:         g.firstTokenID(record.Kind),
		Subject:    session.Subject.ID,
		AuthTime:   now,
		ACR:        string(session.LoA),
		Attributes: g.claimsOf(session.Subject),
	})
	switch {
	case errors.Is(err, token.ErrTooLarge):
		return g.refuseResult(ctx, record, reasonTooLarge)
	case err != nil:
		return tokenError(err)
	}
	if g.refreshes() {
		if err := g.newFamily(ctx, record.Kind, claims); err != nil {
			return err
		}
	}
	record.AuthTime = now
	record.Subject = claims.Subject
	record.Token = raw
	record.TokenID = claims.ID
	record.TokenExpiresAt = claims.ExpiresAt
	record.IssuedAt = now
	return g.end(ctx, record, pending.Issued, reasonIssued)
}

// firstTokenID begins a login: its name, and for a browser the token's number in it.
func (g *Gateway) firstTokenID(kind pending.Kind) string {
	id := g.authority.NewID()
	if kind == pending.Browser {
		return sessionTokenID(id, 1)
	}
	return id
}

// sign makes the token of a login of that kind.
func (g *Gateway) sign(kind pending.Kind, claims token.Claims) (string, token.Claims, error) {
	if kind == pending.App {
		return g.authority.IssueAccess(claims)
	}
	raw, claims, err := g.authority.IssueSession(claims)
	if err == nil && len(raw) > maxCookieToken {
		return "", token.Claims{}, token.ErrTooLarge
	}
	return raw, claims, err
}

// refuseResult ends a login whose result is not good enough.
func (g *Gateway) refuseResult(ctx context.Context, record *pending.Record, reason string) error {
	if err := g.end(ctx, record, pending.Failed, reason); err != nil {
		return err
	}
	return ended(record)
}

// loginOf is the login that a token descends from: its ID up to the first dot.
func loginOf(tokenID string) string {
	login, _, _ := strings.Cut(tokenID, ".")
	return login
}
