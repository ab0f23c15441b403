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
	sent := credentialsAt(x, b.config.endpointURL("/logout"))
	c, err := b.guard.Authenticate(x.r.Context(), sent)
	var unconfirmed error
	switch {
	case errors.Is(err, identity.ErrNoCredential), errors.Is(err, identity.ErrCookie):
	case err != nil:
		return err
	case c.Kind == store.Browser && !sameOrigin(x.r, b.config.PublicURL):
		return errCrossSite
	default:
		err := b.logins.EndLogin(x.r.Context(), c.Claims.Login(), c.Claims.Subject)
		if err != nil && !errors.Is(err, store.ErrUnconfirmed) {
			return err
		}
		unconfirmed = err
	}
	if _, hasCookie := b.cookies.Value(x.r.Header["Cookie"], b.cookies.Session); hasCookie && (c == nil || c.Kind == store.Browser) {
		b.cookies.Clear(x.w, b.cookies.Session)
	}
	if sameOrigin(x.r, b.config.PublicURL) {
		b.cookies.ClearLogins(x.w, x.r.Header["Cookie"])
	}
	if unconfirmed != nil {
		return unconfirmed // the login has ended, but no standby of the store has confirmed it
	}
	writeFreshNonce(x.w.Header(), sent)
	if requireMediaType(x.r, "application/x-www-form-urlencoded") == nil {
		redirect(x.w, b.pages.LoginURL(page.Page{}, "logged_out", ""))
		return nil
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
