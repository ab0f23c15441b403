package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// reopen answers the callback of a finished login in the browser that started it: after the back button, in a
// restored tab, or at a second delivery. A login that ended without a token shows its page again. After an
// issued login the browser goes to its page.
func (b *browserAPI) reopen(x exchange, bound boundLogin, query url.Values) error {
	back := boundReturn(bound.record).withOutcome(returnRepeated)
	if err := login.Ended(bound.record); err != nil {
		if query.Get("code") == "" && errors.Is(err, login.ErrSuperseded) {
			err = login.ErrDenied // the user approved nothing
		}
		b.writeEnd(x, back, bound.record, err)
		return nil
	}
	err := b.repeatSession(x, bound.record, query)
	if err != nil && failureOf(err).status == http.StatusServiceUnavailable {
		b.writeLater(x, back, bound.record, err)
		return nil
	}
	b.reportReturn(x.r.Context(), back)
	redirect(x.w, bound.record.ReturnTo)
	return nil
}

// repeatSession sets the session cookie of an issued login again, with the same value: the answer that first
// set it may be lost. After [store.Retention], after a logout, and with another code it sets none. It also
// keeps the session of another login in this browser.
func (b *browserAPI) repeatSession(x exchange, record *store.Record, query url.Values) error {
	c, err := b.verifier.Authenticate(x.r.Context(), identity.CredentialHeadersOf(x.r))
	switch {
	case err == nil && c.Claims.Login() != login.LoginID(record):
		return nil
	case err != nil && failureOf(err).status == http.StatusServiceUnavailable:
		return err
	}
	finished, err := b.logins.Finish(x.r.Context(), record, responseOf(query))
	switch {
	case errors.Is(err, login.ErrGrant):
		return nil
	case err != nil:
		return err
	}
	b.cookies.Set(x.w, b.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(b.config.Now()))
	return nil
}
