package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// callbackParameters are the parameters that itsme appends to the redirect URL.
var callbackParameters = []string{"code", "state", "error", "error_description"}

// serveCallback answers the browser's redirect URL. It acts on the query only with the login's cookie: an
// attacker may have sent the browser here with the attacker's own login.
func (b *browserAPI) serveCallback(x exchange) error {
	if prefetched(x.r) {
		b.refusePrefetch(x)
		return nil
	}
	query, ok := returnQuery(x.info.OriginalURL.RawQuery)
	if !ok {
		b.writeUnbound(x, malformedReturn(store.Browser))
		return nil
	}
	record, err := b.logins.FindByState(x.r.Context(), query.Get("state"))
	if errors.Is(err, login.ErrGrant) {
		b.writeUnbound(x, unboundReturn(x.r, nil))
		return nil
	}
	if err != nil {
		return err
	}
	name := b.cookies.Login(record.ID)
	cookie, _ := b.cookies.Value(x.r.Header["Cookie"], name)
	if !login.BoundToCookie(record, cookie) {
		b.writeUnbound(x, unboundReturn(x.r, record))
		return nil
	}
	return b.finishBrowser(x, record, query, name)
}

// finishBrowser finishes a login in the browser that started it.
func (b *browserAPI) finishBrowser(x exchange, record *store.Record, query url.Values, cookie string) error {
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return b.cancelBrowser(x, record, code, cookie)
	}
	back := boundReturn(record)
	finished, err := b.logins.Finish(x.r.Context(), record, login.AuthorizationResponse{State: query.Get("state"), Code: query.Get("code")})
	switch {
	case errors.Is(err, login.ErrUnfinished):
		b.writeReturn(x, back.withOutcome(returnWaiting), http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(Interval)})
		return nil
	case err != nil && failureOf(err).status == http.StatusServiceUnavailable:
		// The code is still valid. The page reloads with it.
		failureOf(err).writeRetryAfter(x.w.Header(), err)
		b.writeReturn(x, back.withOutcome(waitingFor(err)), http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: record.Language, Refresh: seconds(defaultRetry)})
		return nil
	case err != nil:
		b.cookies.Clear(x.w, cookie)
		b.writeEnd(x, back.withOutcome(endedReturn(err)), record, err)
		return nil
	}
	b.cookies.Clear(x.w, cookie)
	b.cookies.Set(x.w, b.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(b.config.Now()))
	b.reportReturn(x.r.Context(), back.withOutcome(returnFinished))
	redirect(x.w, finished.ReturnTo)
	return nil
}

// cancelBrowser ends a login that came back with an error instead of a code.
func (b *browserAPI) cancelBrowser(x exchange, record *store.Record, code, cookie string) error {
	back := boundReturn(record).withOutcome(cancelledReturn(code))
	if !login.ValidRedirectError(code) {
		code = "invalid_request"
	}
	if err := b.logins.Cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, login.ErrConflict) {
		return err
	}
	b.cookies.Clear(x.w, cookie)
	name := "failed"
	if code == "access_denied" {
		name = "denied"
	}
	b.writeReturn(x, back, http.StatusOK, page.Page{Name: name, Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true})
	return nil
}

// writeReturn shows a page at a redirect URL and reports the return.
func (b *browserAPI) writeReturn(x exchange, back returnReport, status int, p page.Page) {
	b.reportReturn(x.r.Context(), back)
	b.answers.writePage(x.w, status, p)
}

// writeEnd shows the page of a login that ended without a token.
func (b *browserAPI) writeEnd(x exchange, back returnReport, record *store.Record, err error) {
	p := page.Page{Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true}
	switch {
	case errors.Is(err, login.ErrDenied):
		p.Name = "denied"
	case errors.Is(err, login.ErrExpired):
		p.Name = "expired"
	case errors.Is(err, login.ErrLevel):
		p.Name, p.Case = "not_enough", page.CaseLevel
	case errors.Is(err, login.ErrTokenSize):
		p.Name, p.Again = "too_large", false
	default:
		p.Name = "failed"
	}
	b.writeReturn(x, back, http.StatusBadRequest, p)
}

// writeUnbound answers a browser that did not start the login. The page says nothing about the login and
// repeats nothing of the query.
//
// A browser that refuses cookies ends here each time. Its page says so instead of asking the user to try
// again.
func (b *browserAPI) writeUnbound(x exchange, back returnReport) {
	p := page.Page{
		Name:     "unbound",
		Language: b.answers.languageOf("", x.r.Header.Get("Accept-Language")),
		Again:    true,
		Hide:     true,
	}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	b.writeReturn(x, back, http.StatusBadRequest, p)
}
