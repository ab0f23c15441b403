package login

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/internal/together"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// MaxCookieToken bounds a session token, in bytes. It leaves room for the cookie's name and attributes in the
// 4,096 bytes that every browser keeps (RFC 6265 section 6.1).
const MaxCookieToken = 3800

// issuer signs the tokens of logins: first tokens, refreshed tokens, and renewed cookies.
type issuer struct {
	config  *Config
	revoker *revoker
}

var (
	// errSubjectRevoked is returned when a revocation of the subject covers a login that is being finished.
	errSubjectRevoked = errors.New("the subject was revoked")
	// errRevokedJustNow is returned when a login must wait until its tokens are no longer covered.
	errRevokedJustNow = wrap(ErrUnfinished, "the subject was revoked a moment ago")
	// errRevoked is returned for a login that was revoked.
	errRevoked = wrap(ErrGrant, "the login was revoked")
)

// issue signs the first token of a login whose result was checked: an access token for an app, a session
// token for a browser. It signs none if a revocation covers the login. It returns the login's family, nil for a
// login without refresh.
func (i *issuer) issue(ctx context.Context, record *store.Record, session *signicat.Session) (event, *store.Family, error) {
	now := i.config.Now()
	loginID, err := i.newLoginID(ctx, record, session.Subject.ID, now)
	if err != nil {
		e, err := subjectRevokedEvent(err)
		return e, nil, err
	}
	held := claimsOf(session.Subject, i.heldClaims(record.Kind))
	raw, claims, err := i.sign(record.Kind, token.Claims{
		ID:         firstTokenID(record.Kind, loginID),
		Subject:    session.Subject.ID,
		AuthTime:   now,
		ACR:        string(session.LoA),
		Attributes: held,

		KeyThumbprint: record.KeyThumbprint,
	})
	switch {
	case errors.Is(err, token.ErrTooLarge):
		return event{kind: eventReject, reason: reasonTooLarge}, nil, nil
	case err != nil:
		return event{}, nil, tokenError(err)
	}
	claims.Attributes = held // the family has more than the token
	f, err := i.enroll(ctx, record, claims)
	if err != nil {
		e, err := subjectRevokedEvent(err)
		return e, nil, err
	}
	return event{kind: eventIssue, issued: issued{
		token: raw, id: claims.ID, subject: claims.Subject, at: now, expires: claims.ExpiresAt, authAt: now,
	}}, f, nil
}

// subjectRevokedEvent returns the event that ends the login after errSubjectRevoked. After another error the
// next call tries again.
func subjectRevokedEvent(err error) (event, error) {
	if errors.Is(err, errSubjectRevoked) {
		return event{kind: eventReject, reason: reasonRevoked}, nil
	}
	return event{}, err
}

// claimsOf returns the wanted attribute claims of a user.
func claimsOf(s *signicat.Subject, wanted []string) map[string]any {
	address, _ := s.Address()
	nin, _ := s.NIN()
	return attribute.Subject{Text: s.Text, Address: address, NIN: attribute.NationalNumber(nin)}.Claims(wanted)
}

// newLoginID returns an ID for a login, unless a revocation of its subject covers the login. Clocks differ, so
// a revocation also covers tokens from a short time after it. A login that began after such a revocation gets
// the revocation's mark in its ID, so that no replica refuses its tokens.
func (i *issuer) newLoginID(ctx context.Context, record *store.Record, subject string, now time.Time) (string, error) {
	loginID := i.config.Authority.NewID()
	covered, err := i.config.Store.Revoked(ctx, store.Credential{Subject: subject, IssuedAt: now})
	if err != nil {
		return "", storeError(err)
	}
	if covered && record.Mark != "" {
		loginID = token.MarkedLogin(loginID, record.Mark)
	}
	return loginID, i.checkSubject(ctx, record, store.Credential{Subject: subject, IssuedAt: now, Mark: markOf(loginID)})
}

// checkSubject refuses a login that a revocation of its subject covers. A login without a mark that began after the
// revocation must wait until its tokens are no longer covered.
func (i *issuer) checkSubject(ctx context.Context, record *store.Record, issued store.Credential) error {
	began := store.Credential{Subject: issued.Subject, IssuedAt: record.CreatedAt, Mark: record.Mark}
	if err := i.refuseRevoked(ctx, began, errSubjectRevoked); err != nil {
		return err
	}
	return i.refuseRevoked(ctx, issued, errRevokedJustNow)
}

// refuseRevoked returns refusal when a revocation covers the credential.
func (i *issuer) refuseRevoked(ctx context.Context, c store.Credential, refusal error) error {
	revoked, err := i.config.Store.Revoked(ctx, c)
	switch {
	case err != nil:
		return storeError(err)
	case revoked:
		return refusal
	}
	return nil
}

// enroll stores the family of a login, and the login under its subject, so that a revocation of the subject
// finds it. Both are one round trip. It then checks once more for a revocation that came meanwhile. A login
// that ends here leaves nothing behind. If the replica dies, no client has a token of what stays until the
// login's end.
func (i *issuer) enroll(ctx context.Context, record *store.Record, c token.Claims) (f *store.Family, err error) {
	until := c.ExpiresAt
	if i.refreshes() {
		if f, err = i.newFamily(record.Kind, c); err != nil {
			return nil, err
		}
		until = f.ExpiresAt
	}
	var created, enrolled error
	together.Do(
		func() {
			if f != nil {
				created = i.config.Store.CreateFamily(ctx, f)
			}
		},
		func() { enrolled = i.config.Store.Enroll(ctx, c.Subject, c.Login(), until) },
	)
	err = storeError(cmp.Or(created, enrolled))
	if err == nil {
		err = i.checkSubject(ctx, record, store.Credential{Login: c.Login(), Subject: c.Subject, IssuedAt: c.IssuedAt, Mark: markOf(c.ID)})
	}
	if err != nil {
		return nil, errors.Join(err, i.revoker.forgetLogin(ctx, c.Login(), c.Subject))
	}
	return f, nil
}

// firstTokenID returns the jti of a login's first token: the ID of the login, and for a browser the number 1
// as well.
func firstTokenID(kind store.Kind, loginID string) string {
	if kind == store.Browser {
		return sessionTokenID(loginID, 1)
	}
	return loginID
}

// sign signs a token of a login of that kind. The claims are those that the login holds.
func (i *issuer) sign(kind store.Kind, claims token.Claims) (string, token.Claims, error) {
	claims.Attributes = i.shownClaims(kind, claims.Attributes)
	if kind == store.App {
		return i.config.Authority.IssueAccess(claims)
	}
	raw, claims, err := i.config.Authority.IssueSession(claims)
	if err == nil && len(raw) > MaxCookieToken {
		return "", token.Claims{}, token.ErrTooLarge
	}
	return raw, claims, err
}

// loginIDOf returns the ID of the login that a token belongs to.
func loginIDOf(tokenID string) string { return (&token.Claims{ID: tokenID}).Login() }

// markOf returns the mark of the login that a token belongs to, or nothing.
func markOf(tokenID string) string { return (&token.Claims{ID: tokenID}).Mark() }

// sessionTokenID returns the jti of a session token: the ID of its login and its number in the family.
func sessionTokenID(loginID string, serial uint64) string {
	return loginID + "." + strconv.FormatUint(serial, 10)
}
