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
		b.writeOver(x, malformedReturn(store.Browser))
		return nil
	}
	record, err := b.logins.FindByState(x.r.Context(), query.Get("state"))
	if errors.Is(err, login.ErrGrant) {
		b.writeOver(x, unboundReturn(x.r, nil))
		return nil
	}
	if err != nil {
		return err
	}
	bound := boundLogin{record, b.cookies.LoginValue(x.r.Header["Cookie"], record.ID)}
	if !login.BoundToCookie(record, bound.cookie) {
		b.writeUnbound(x, record)
		return nil
	}
	if record.Phase.Ended() {
		return b.reopen(x, bound, query)
	}
	return b.finishBrowser(x, bound, query)
}

// boundLogin is a login in the browser that started it, with the value of its login cookie.
type boundLogin struct {
	record *store.Record
	cookie string
}

// keepCookie marks the login cookie as that of a finished login. The browser keeps it as long as the store
// keeps the record.
func (b *browserAPI) keepCookie(x exchange, bound boundLogin) {
	b.cookies.SetFinished(x.w, bound.record.ID, bound.cookie, bound.record.KeepUntil().Sub(b.config.Now()))
}

// finishBrowser finishes a login in the browser that started it.
func (b *browserAPI) finishBrowser(x exchange, bound boundLogin, query url.Values) error {
	record := bound.record
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return b.cancelBrowser(x, bound, code)
	}
	back := boundReturn(record)
	finished, err := b.logins.Finish(x.r.Context(), record, responseOf(query))
	switch {
	case errors.Is(err, login.ErrUnfinished):
		b.writeReturn(x, back.withOutcome(returnWaiting), http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(Interval)})
		return nil
	case err != nil && failureOf(err).status == http.StatusServiceUnavailable:
		b.writeLater(x, back, record, err)
		return nil
	case err != nil:
		b.keepCookie(x, bound)
		b.writeEnd(x, back.withOutcome(endedReturn(err)), record, err)
		return nil
	}
	b.keepCookie(x, boundLogin{finished, bound.cookie})
	b.cookies.Set(x.w, b.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(b.config.Now()))
	b.reportReturn(x.r.Context(), back.withOutcome(returnFinished))
	redirect(x.w, finished.ReturnTo)
	return nil
}

func responseOf(query url.Values) login.AuthorizationResponse {
	return login.AuthorizationResponse{State: query.Get("state"), Code: query.Get("code")}
}

// writeLater shows a page that loads the callback again. The code is still valid.
func (b *browserAPI) writeLater(x exchange, back returnReport, record *store.Record, err error) {
	failureOf(err).writeRetryAfter(x.w.Header(), err)
	b.writeReturn(x, back.withOutcome(waitingFor(err)), http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: record.Language, Refresh: seconds(defaultRetry)})
}

// cancelBrowser ends a login that came back with an error instead of a code.
func (b *browserAPI) cancelBrowser(x exchange, bound boundLogin, code string) error {
	record := bound.record
	back := boundReturn(record).withOutcome(cancelledReturn(code))
	if !login.ValidRedirectError(code) {
		code = "invalid_request"
	}
	if err := b.logins.Cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, login.ErrConflict) {
		return err
	}
	b.keepCookie(x, bound)
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
	case errors.Is(err, login.ErrSuperseded):
		p.Name = "superseded"
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
