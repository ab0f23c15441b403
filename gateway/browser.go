package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// callbackParameters are what itsme appends to the redirect URL.
var callbackParameters = []string{"code", "state", "error", "error_description"}

// serveCallback is the browser's redirect URL. Without the login's cookie nothing is done with
// what it carries: whoever sent the browser here may be somebody else than who started.
func (g *Gateway) serveCallback(x exchange) error {
	if prefetched(x.r) {
		g.writePrefetch(x)
		return nil
	}
	query, ok := returnQuery(x.info.OriginalURL.RawQuery)
	if !ok {
		g.writeUnbound(x, malformedReturn(pending.Browser))
		return nil
	}
	record, err := g.engine.load(x.r.Context(), query.Get("state"))
	if errors.Is(err, errGrant) {
		g.writeUnbound(x, unboundReturn(x.r, nil))
		return nil
	}
	if err != nil {
		return err
	}
	name := g.cookies.loginName(record.ID)
	cookie, _ := g.cookies.value(x.r.Header["Cookie"], name)
	if !boundToCookie(record, cookie) {
		g.writeUnbound(x, unboundReturn(x.r, record))
		return nil
	}
	return g.finishBrowser(x, record, query, name)
}

// finishBrowser ends a login in the browser that started it.
func (g *Gateway) finishBrowser(x exchange, record *pending.Record, query url.Values, cookie string) error {
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return g.cancelBrowser(x, record, code, cookie)
	}
	back := boundReturn(record)
	finished, err := g.engine.finish(x.r.Context(), record, presented{state: query.Get("state"), code: query.Get("code")})
	switch {
	case errors.Is(err, errUnfinished):
		g.writeReturn(x, back.as(returnWaiting), http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(Interval)})
		return nil
	case failureOf(err).status == http.StatusServiceUnavailable && err != nil:
		// The code is still good, and the page comes back with it by itself.
		failureOf(err).writeRetryAfter(x.w.Header(), err)
		g.writeReturn(x, back.as(waitingFor(err)), http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: record.Language, Refresh: seconds(defaultRetry)})
		return nil
	case err != nil:
		g.cookies.clear(x.w, cookie)
		g.writeEnd(x, back.as(endedReturn(err)), record, err)
		return nil
	}
	g.cookies.clear(x.w, cookie)
	g.cookies.set(x.w, g.cookies.session, finished.Token, finished.TokenExpiresAt.Sub(g.now()))
	g.noteReturn(x.r.Context(), back.as(returnFinished))
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
	back := boundReturn(record).as(cancelledReturn(code))
	if !redirectError.MatchString(code) {
		code = "invalid_request"
	}
	if err := g.engine.cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, errConflict) {
		return err
	}
	g.cookies.clear(x.w, cookie)
	name := "failed"
	if code == "access_denied" {
		name = "denied"
	}
	g.writeReturn(x, back, http.StatusOK, page.Page{Name: name, Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true})
	return nil
}

// writeReturn answers a request to a redirect URL with a page, and notes it.
func (g *Gateway) writeReturn(x exchange, back returned, status int, p page.Page) {
	g.noteReturn(x.r.Context(), back)
	g.writePage(x.w, status, p)
}

// writeEnd shows how a login ended that issued nothing.
func (g *Gateway) writeEnd(x exchange, back returned, record *pending.Record, err error) {
	p := page.Page{Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true}
	switch {
	case errors.Is(err, errDenied):
		p.Name = "denied"
	case errors.Is(err, errExpired):
		p.Name = "expired"
	case errors.Is(err, errLevel):
		p.Name, p.Case = "not_enough", page.CaseLevel
	case errors.Is(err, errTokenSize):
		p.Name, p.Again = "too_large", false
	default:
		p.Name = "failed"
	}
	g.writeReturn(x, back, http.StatusBadRequest, p)
}

// writeUnbound answers a return that this browser did not start. It says nothing about the login
// and carries nothing of the query.
//
// A browser that refuses cookies ends here each time: it is told so, rather than to try again.
func (g *Gateway) writeUnbound(x exchange, back returned) {
	p := page.Page{
		Name:     "unbound",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Again:    true,
		Hide:     true,
	}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	g.writeReturn(x, back, http.StatusBadRequest, p)
}

// serveAppReturn is an app's redirect URL when the phone opened a browser instead of the app.
func (g *Gateway) serveAppReturn(x exchange) error {
	g.writeReturn(x, g.appReturned(x), http.StatusOK, page.Page{
		Name:     "app_return",
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Hide:     true,
	})
	return nil
}

// serveLogout ends a login on every replica and clears the cookie.
func (g *Gateway) serveLogout(x exchange) error {
	l, err := g.authenticate(x.r.Context(), credentialsOf(x.r))
	switch {
	case errors.Is(err, errNoCredential), errors.Is(err, errCookie):
	case err != nil:
		return err
	case l.kind == pending.Browser && !sameOrigin(x.r, g.config.PublicURL):
		return errCrossSite
	default:
		if err := g.engine.endLogin(x.r.Context(), l.claims.Login(), l.claims.Subject); err != nil {
			return err
		}
	}
	if _, hasCookie := g.cookies.value(x.r.Header["Cookie"], g.cookies.session); hasCookie && (l == nil || l.kind == pending.Browser) {
		g.cookies.clear(x.w, g.cookies.session)
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
	l, err := g.authenticate(x.r.Context(), credentialsOf(x.r))
	if err == nil && l.kind == pending.Browser {
		if x.r.Method != http.MethodGet && !sameOrigin(x.r, g.config.PublicURL) {
			return errCrossSite
		}
		var renewed string
		if renewed, err = g.renewCookie(x.r.Context(), l, true); renewed != "" {
			x.w.Header().Add("Set-Cookie", renewed)
		}
	}
	switch {
	case errors.Is(err, errCookie):
		g.cookies.clear(x.w, g.cookies.session)
		return errNoCredential
	case err != nil:
		return err
	}
	claims := l.attributeClaims()
	claims["sub"], claims["acr"], claims["auth_time"] = l.claims.Subject, l.claims.ACR, l.claims.AuthTime.Unix()
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
