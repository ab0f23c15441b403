package gateway

import (
	"errors"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// serveLogout answers POST /logout. It ends a login on every replica and clears the cookie.
func (b *browserAPI) serveLogout(x exchange) error {
	c, err := b.verifier.Authenticate(x.r.Context(), identity.CredentialHeadersOf(x.r))
	switch {
	case errors.Is(err, identity.ErrNoCredential), errors.Is(err, identity.ErrCookie):
	case err != nil:
		return err
	case c.Kind == store.Browser && !sameOrigin(x.r, b.config.PublicURL):
		return errCrossSite
	default:
		if err := b.logins.EndLogin(x.r.Context(), c.Claims.Login(), c.Claims.Subject); err != nil {
			return err
		}
	}
	if _, hasCookie := b.cookies.Value(x.r.Header["Cookie"], b.cookies.Session); hasCookie && (c == nil || c.Kind == store.Browser) {
		b.cookies.Clear(x.w, b.cookies.Session)
	}
	if sameOrigin(x.r, b.config.PublicURL) {
		b.cookies.ClearLogins(x.w, x.r.Header["Cookie"])
	}
	if requireMediaType(x.r, "application/x-www-form-urlencoded") == nil {
		redirect(x.w, b.pages.LoginURL(page.Page{}, "logged_out", ""))
		return nil
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
