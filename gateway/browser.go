package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// callbackParameters are what itsme appends to the redirect URL.
var callbackParameters = []string{"code", "state", "error", "error_description"}

// serveCallback is the browser's redirect URL. Without the login's cookie nothing is done with
// what it carries: whoever sent the browser here may be somebody else than who started.
func (g *Gateway) serveCallback(x exchange) error {
	query, err := url.ParseQuery(x.info.OriginalURL.RawQuery)
	if err != nil || single(query, callbackParameters) != nil {
		g.writeUnbound(x)
		return nil
	}
	state := query.Get("state")
	if state == "" || len(state) > maxState || len(query.Get("code")) > maxCode {
		g.writeUnbound(x)
		return nil
	}
	record, err := g.logins.Find(x.r.Context(), state)
	if errors.Is(err, engine.ErrGrant) {
		g.writeUnbound(x)
		return nil
	}
	if err != nil {
		return err
	}
	name := g.cookies.Login(record.ID)
	cookie, _ := g.cookies.Value(x.r.Header["Cookie"], name)
	if !engine.BoundToCookie(record, cookie) {
		g.writeUnbound(x)
		return nil
	}
	return g.finishBrowser(x, record, query, name)
}

// finishBrowser ends a login in the browser that started it.
func (g *Gateway) finishBrowser(x exchange, record *pending.Record, query url.Values, cookie string) error {
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return g.cancelBrowser(x, record, code, cookie)
	}
	finished, err := g.logins.Finish(x.r.Context(), record, engine.Return{State: query.Get("state"), Code: query.Get("code")})
	switch {
	case errors.Is(err, engine.ErrUnfinished):
		g.writeReturn(x, record, http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(Interval)})
		return nil
	case failureOf(err).status == http.StatusServiceUnavailable && err != nil:
		// The code is still good, and the page comes back with it by itself.
		failureOf(err).writeRetryAfter(x.w.Header(), err)
		g.writeReturn(x, record, http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: record.Language, Refresh: seconds(defaultRetry)})
		return nil
	case err != nil:
		g.cookies.Clear(x.w, cookie)
		g.writeEnd(x, record, err)
		return nil
	}
	g.cookies.Clear(x.w, cookie)
	g.cookies.Set(x.w, g.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(g.now()))
	g.logReturn(x.r.Context(), finished.Phase.String(), finished.ID)
	redirect(x.w, finished.ReturnTo)
	return nil
}

// redirect sends a browser to the login page, or to a path of this origin that was checked when it was
// taken in.
func redirect(w http.ResponseWriter, to string) {
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// cancelBrowser ends a login that came back with an error instead of a code.
func (g *Gateway) cancelBrowser(x exchange, record *pending.Record, code, cookie string) error {
	if !engine.ValidRedirectError(code) {
		code = "invalid_request"
	}
	if err := g.logins.Cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, engine.ErrConflict) {
		return err
	}
	g.cookies.Clear(x.w, cookie)
	name := "failed"
	if code == "access_denied" {
		name = "denied"
	}
	g.writeReturn(x, record, http.StatusOK, page.Page{Name: name, Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true})
	return nil
}

// writeReturn answers a request to a redirect URL with a page, and notes it; record is nil for one
// that is nobody's.
func (g *Gateway) writeReturn(x exchange, record *pending.Record, status int, p page.Page) {
	var sessionID string
	if record != nil {
		sessionID = record.ID
	}
	g.logReturn(x.r.Context(), p.Name, sessionID)
	g.writePage(x.w, status, p)
}

// writeEnd shows how a login ended that issued nothing.
func (g *Gateway) writeEnd(x exchange, record *pending.Record, err error) {
	p := page.Page{Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true}
	switch {
	case errors.Is(err, engine.ErrDenied):
		p.Name = "denied"
	case errors.Is(err, engine.ErrExpired):
		p.Name = "expired"
	case errors.Is(err, engine.ErrLevel):
		p.Name, p.Case = "not_enough", page.CaseLevel
	case errors.Is(err, engine.ErrTokenSize):
		p.Name, p.Again = "too_large", false
	default:
		p.Name = "failed"
	}
	g.writeReturn(x, record, http.StatusBadRequest, p)
}

// writeUnbound answers a return that this browser did not start. It says nothing about the login
// and carries nothing of the query.
//
// A browser that refuses cookies ends here each time: it is told so, rather than to try again.
func (g *Gateway) writeUnbound(x exchange) {
	p := page.Page{
		Name:     "unbound",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Again:    true,
		Hide:     true,
	}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	g.writeReturn(x, nil, http.StatusBadRequest, p)
}

// serveAppReturn is an app's redirect URL when the phone opened a browser instead of the app.
func (g *Gateway) serveAppReturn(x exchange) error {
	g.writeReturn(x, nil, http.StatusOK, page.Page{
		Name:     "app_return",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Hide:     true,
	})
	return nil
}

// serveLogout ends a login on every replica and clears the cookie.
func (g *Gateway) serveLogout(x exchange) error {
	l, err := g.verifier.Authenticate(x.r.Context(), identity.SentBy(x.r))
	switch {
	case errors.Is(err, identity.ErrNoCredential), errors.Is(err, identity.ErrCookie):
	case err != nil:
		return err
	case l.Kind == pending.Browser && !sameOrigin(x.r, g.config.PublicURL):
		return errCrossSite
	default:
		if err := g.logins.EndLogin(x.r.Context(), l.Claims.Login(), l.Claims.Subject); err != nil {
			return err
		}
	}
	if _, hasCookie := g.cookies.Value(x.r.Header["Cookie"], g.cookies.Session); hasCookie && (l == nil || l.Kind == pending.Browser) {
		g.cookies.Clear(x.w, g.cookies.Session)
	}
	if requireMediaType(x.r, "application/x-www-form-urlencoded") == nil {
		redirect(x.w, g.pages.LoginURL(page.Page{}, "logged_out", ""))
		return nil
	}
	noStore(x.w.Header())
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// serveUserinfo returns the claims of the presented token. It renews a cookie, and finds a copied one,
// as a site does.
func (g *Gateway) serveUserinfo(x exchange) error {
	l, err := g.verifier.Authenticate(x.r.Context(), identity.SentBy(x.r))
	if err == nil && l.Kind == pending.Browser {
		if x.r.Method != http.MethodGet && !sameOrigin(x.r, g.config.PublicURL) {
			return errCrossSite
		}
		var renewed string
		if renewed, err = g.renewCookie(x.r.Context(), l, true); renewed != "" {
			x.w.Header().Add("Set-Cookie", renewed)
		}
	}
	switch {
	case errors.Is(err, identity.ErrCookie):
		g.cookies.Clear(x.w, g.cookies.Session)
		return identity.ErrNoCredential
	case err != nil:
		return err
	}
	claims := l.AttributeClaims()
	claims["sub"], claims["acr"], claims["auth_time"] = l.Claims.Subject, l.Claims.ACR, l.Claims.AuthTime.Unix()
	writeJSON(x.w, http.StatusOK, "application/json", claims)
	return nil
}

// serveLive tells that the process answers.
func (g *Gateway) serveLive(x exchange) error {
	return writeHealth(x.w, true)
}

// serveReady tells that the keys and the store are there. Signicat is not asked: while it is away
// whoever is logged in is still served, and another replica could do no better.
func (g *Gateway) serveReady(x exchange) error {
	_, err := g.store.Len(x.r.Context())
	x.w.Header().Set(InstanceHeader, g.config.Instance)
	return writeHealth(x.w, err == nil && g.started())
}

func writeHealth(w http.ResponseWriter, ok bool) error {
	noStore(w.Header())
	status := http.StatusOK
	if !ok {
		w.Header().Set("Retry-After", "1")
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	return nil
}
