package login

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// MaxCookieToken leaves room for the cookie's name and attributes in the 4,096 bytes that every
// browser keeps (RFC 6265 section 6.1).
const MaxCookieToken = 3800

// issue ends a login with a token: an access token for an app, a session token for a browser.
func (e *Engine) issue(ctx context.Context, record *pending.Record, session *signicat.Session) error {
	if session.Status != signicat.StatusSuccess {
		return e.endAs(ctx, record, session, event{kind: eventResult, session: session})
	}
	if reason := checkResult(record, session); reason != "" {
		return e.refuseResult(ctx, record, reason, event{kind: eventResult, session: session})
	}
	now := e.now()
	login, err := e.newLogin(ctx, record, session.Subject.ID, now)
	if err != nil {
		return err
	}
	raw, claims, err := e.sign(record.Kind, token.Claims{
		ID:         firstTokenID(record.Kind, login),
		Subject:    session.Subject.ID,
		AuthTime:   now,
		ACR:        string(session.LoA),
		Attributes: claimsOf(session.Subject, e.config.Claims),
	})
	switch {
	case errors.Is(err, token.ErrTooLarge):
		return e.refuseResult(ctx, record, reasonTooLarge, event{kind: eventReject, reason: reasonTooLarge})
	case err != nil:
		return tokenError(err)
	}
	if err := e.enroll(ctx, record, claims); err != nil {
		return err
	}
	record.AuthTime = now
	record.Subject = claims.Subject
	record.Token = raw
	record.TokenID = claims.ID
	record.TokenExpiresAt = claims.ExpiresAt
	record.IssuedAt = now
	return e.end(ctx, record, pending.Issued, reasonIssued, event{kind: eventIssue, issued: issued{token: raw, id: claims.ID, subject: claims.Subject, at: now, expires: claims.ExpiresAt, authAt: now}})
}

// claimsOf returns the wanted attribute claims of a user.
func claimsOf(s *signicat.Subject, wanted []string) map[string]any {
	address, _ := s.Address()
	nin, _ := s.NIN()
	return attribute.Subject{Text: s.Text, Address: address, NIN: attribute.NationalNumber(nin)}.Claims(wanted)
}

// newLogin names a login, unless a revocation of its subject covers it. A revocation reaches ahead, as
// far as clocks may differ. A login that began after such a revocation has its mark in its name, so
// that no replica refuses what is issued to it.
func (e *Engine) newLogin(ctx context.Context, record *pending.Record, subject string, now time.Time) (string, error) {
	login := e.config.Authority.NewID()
	covered, err := e.store.Revoked(ctx, pending.Credential{Subject: subject, IssuedAt: now})
	if err != nil {
		return "", storeError(err)
	}
	if covered && record.Mark != "" {
		login = token.MarkedLogin(login, record.Mark)
	}
	return login, e.barred(ctx, record, pending.Credential{Subject: subject, IssuedAt: now, Mark: markOf(login)})
}

// barred refuses a login that a revocation of its subject covers. A login that began after it waits
// until its tokens are not covered either, where its name has no mark.
func (e *Engine) barred(ctx context.Context, record *pending.Record, issued pending.Credential) error {
	began := pending.Credential{Subject: issued.Subject, IssuedAt: record.CreatedAt, Mark: record.Mark}
	revoked, err := e.store.Revoked(ctx, began)
	switch {
	case err != nil:
		return storeError(err)
	case revoked:
		return e.refuseResult(ctx, record, reasonRevoked, event{kind: eventReject, reason: reasonRevoked})
	}
	revoked, err = e.store.Revoked(ctx, issued)
	switch {
	case err != nil:
		return storeError(err)
	case revoked:
		return wrap(ErrUnfinished, "the subject was revoked a moment ago")
	}
	return nil
}

// enroll notes a login that was signed for, so that a revocation finds it, and looks once more
// whether one came meanwhile.
func (e *Engine) enroll(ctx context.Context, record *pending.Record, c token.Claims) error {
	until := c.ExpiresAt
	if e.refreshes() {
		if err := e.newFamily(ctx, record.Kind, c); err != nil {
			return err
		}
		until = c.IssuedAt.Add(e.config.Refresh)
	}
	if err := e.store.Enroll(ctx, c.Subject, c.Login(), until); err != nil {
		return storeError(err)
	}
	err := e.barred(ctx, record, pending.Credential{Login: c.Login(), Subject: c.Subject, IssuedAt: c.IssuedAt, Mark: markOf(c.ID)})
	if err != nil {
		return errors.Join(err, e.forgetLogin(ctx, c.Login(), c.Subject))
	}
	return nil
}

// firstTokenID is the jti of a login's first token: its name, and for a browser the token's number.
func firstTokenID(kind pending.Kind, login string) string {
	if kind == pending.Browser {
		return sessionTokenID(login, 1)
	}
	return login
}

// sign makes the token of a login of that kind.
func (e *Engine) sign(kind pending.Kind, claims token.Claims) (string, token.Claims, error) {
	if kind == pending.App {
		return e.config.Authority.IssueAccess(claims)
	}
	raw, claims, err := e.config.Authority.IssueSession(claims)
	if err == nil && len(raw) > MaxCookieToken {
		return "", token.Claims{}, token.ErrTooLarge
	}
	return raw, claims, err
}

// refuseResult ends a login whose result is not good enough.
func (e *Engine) refuseResult(ctx context.Context, record *pending.Record, reason string, ev event) error {
	if err := e.end(ctx, record, pending.Failed, reason, ev); err != nil {
		return err
	}
	return ended(record)
}

// loginOf is the login that a token descends from.
func loginOf(tokenID string) string { return (&token.Claims{ID: tokenID}).Login() }

// markOf is the mark of the login that a token descends from, or empty.
func markOf(tokenID string) string { return (&token.Claims{ID: tokenID}).Mark() }
