package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
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
		b.reportReturn(x.r.Context(), returnReport{kind: store.Browser, outcome: returnPrefetch})
		writePrefetch(x.w)
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
		language := b.answers.languageOf("", x.r)
		return b.writeLater(x, returnReport{kind: store.Browser}, language, err)
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
		b.writeReturn(x, back.withOutcome(returnWaiting), http.StatusOK, page.Page{Name: "waiting", Language: record.Language, Refresh: seconds(PollInterval)})
		return nil
	case err != nil && failureOf(err).status == http.StatusServiceUnavailable:
		return b.writeLater(x, back, record.Language, err)
	case err != nil:
		b.keepCookie(x, bound)
		b.writeEnd(x, back.withOutcome(endedReturn(err)), record, err)
		return nil
	}
	b.keepCookie(x, boundLogin{finished.Record, bound.cookie})
	b.cookies.Set(x.w, b.cookies.Session, finished.Token, finished.TokenExpiresAt.Sub(b.config.Now()))
	b.arrive(x, back.withOutcome(returnFinished), finished.Record)
	return nil
}

// arrive sends a browser to the page that the user wanted. A fragment of its URL is in the storage of the browser,
// so a script of ours goes there.
func (b *browserAPI) arrive(x exchange, back returnReport, record *store.Record) {
	if record.Fragment {
		b.writeReturn(x, back, http.StatusOK, page.Page{Name: "waiting", Language: record.Language, ReturnTo: record.ReturnTo, Fragment: true, SessionID: record.ID, Arrives: true})
		return
	}
	b.reportReturn(x.r.Context(), back)
	redirect(x.w, record.ReturnTo)
}

func responseOf(query url.Values) login.AuthorizationResponse {
	return login.AuthorizationResponse{State: query.Get("state"), Code: query.Get("code")}
}

// writeLater answers what may succeed soon by a page that loads the callback again: the code is still valid. It
// returns every other error.
func (b *browserAPI) writeLater(x exchange, back returnReport, language string, err error) error {
	f := failureOf(err)
	if f.status != http.StatusServiceUnavailable || abandoned(x.r, err) {
		return err
	}
	b.config.Observe.Refusal(f.problem)
	f.writeRetryAfter(x.w.Header(), err)
	b.writeReturn(x, back.withOutcome(waitingFor(err)), http.StatusServiceUnavailable, page.Page{Name: "unavailable", Language: language, Refresh: seconds(defaultRetry)})
	return nil
}

// cancelBrowser ends a login that came back with an error instead of a code.
func (b *browserAPI) cancelBrowser(x exchange, bound boundLogin, code string) error {
	record := bound.record
	back := boundReturn(record).withOutcome(cancelledReturn(code))
	if !login.ValidRedirectError(code) {
		code = "invalid_request"
	}
	if err := b.logins.Cancel(x.r.Context(), record, code); err != nil && !errors.Is(err, login.ErrConflict) {
		return b.writeLater(x, back, record.Language, err)
	}
	b.keepCookie(x, bound)
	name := "failed"
	if code == "access_denied" {
		name = "denied"
	}
	p := endPage(record)
	p.Name = name
	b.writeReturn(x, back, http.StatusOK, p)
	return nil
}

// endPage returns the page of a login that ended without a token. It has no name yet.
func endPage(record *store.Record) page.Page {
	return page.Page{
		Language: record.Language, ReturnTo: record.ReturnTo, ACRValues: record.LoA, Again: true,
		Fragment: record.Fragment, SessionID: record.ID,
	}
}

// writeReturn shows a page at a redirect URL and reports the return.
func (b *browserAPI) writeReturn(x exchange, back returnReport, status int, p page.Page) {
	b.reportReturn(x.r.Context(), back)
	b.answers.writePage(x.w, status, p)
}

// writeEnd shows the page of a login that ended without a token.
func (b *browserAPI) writeEnd(x exchange, back returnReport, record *store.Record, err error) {
	p := endPage(record)
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
		return b.writeLater(x, back, bound.record.Language, err)
	}
	b.arrive(x, back, bound.record)
	return nil
}

// repeatSession sets the session cookie of an issued login again, with the same value: the answer that first
// set it may be lost. After [store.Retention], after a logout, and with another code it sets none. It also
// keeps the session of another login in this browser.
func (b *browserAPI) repeatSession(x exchange, record *store.Record, query url.Values) error {
	c, err := b.guard.Authenticate(x.r.Context(), identity.CredentialHeadersOf(x.r))
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

// sessionParameter is the field of the form that starts a login again in another browser.
const sessionParameter = "session_id"

// writeUnbound answers a browser that did not start the login: a phone returned to its default browser, or an
// attacker sent the user here. The page never finishes the login. It repeats nothing of the query and shows
// nothing of the record. Its form posts the session ID alone.
func (b *browserAPI) writeUnbound(x exchange, record *store.Record) {
	back := unboundReturn(x.r, record)
	if record.Phase.Ended() {
		b.writeOver(x, back)
		return
	}
	b.logins.NoteElsewhere(x.r.Context(), record)
	p := page.Page{Name: "unbound", Hide: true, Again: true}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	if record.Kind == store.Browser {
		p.Restarts = record.ID
	}
	p.Language = b.answers.languageOf("", x.r)
	b.writeReturn(x, back, http.StatusBadRequest, p)
}

// writeOver answers a callback whose login is over or was never there.
func (b *browserAPI) writeOver(x exchange, back returnReport) {
	b.writeReturn(x, back, http.StatusBadRequest, b.pageOver(x))
}

func (b *browserAPI) pageOver(x exchange) page.Page {
	return page.Page{Name: "over", Hide: true, Again: true, Language: b.answers.languageOf("", x.r)}
}

// serveStray answers a URL that is almost the browser's redirect URL.
func (b *browserAPI) serveStray(x exchange) error {
	b.writeReturn(x, malformedReturn(store.Browser), http.StatusNotFound, b.pageOver(x))
	return nil
}

// serveStrayApp answers a URL that is almost an app's redirect URL.
func (b *browserAPI) serveStrayApp(x exchange) error {
	p := b.pageOver(x)
	p.Name, p.Again = "app_return", false
	b.writeReturn(x, malformedReturn(store.App), http.StatusNotFound, p)
	return nil
}

// restarted returns the form of a login that starts again in another browser: with the page and the level of
// the login whose session ID the form holds. Without that login it is an empty form.
func (b *browserAPI) restarted(x exchange, form url.Values) (url.Values, error) {
	id := form.Get(sessionParameter)
	if id == "" {
		return form, nil
	}
	if len(id) != sessionIDSize || len(form) != 1 {
		return nil, requestErrorf("session_id is posted alone, as the page of the callback does")
	}
	record, err := b.logins.FindByID(x.r.Context(), id)
	switch {
	case errors.Is(err, login.ErrUnknown), err == nil && record.Kind != store.Browser:
		return url.Values{}, nil
	case err != nil:
		return nil, err
	}
	return url.Values{"return_to": {record.ReturnTo}, "acr_values": {record.LoA}}, nil
}

// serveAppCallback answers an app's redirect URL when the phone opened a browser instead of the app.
func (b *browserAPI) serveAppCallback(x exchange) error {
	b.writeReturn(x, b.appReturn(x), http.StatusOK, page.Page{
		Name:     "app_return",
		Language: b.answers.languageOf("", x.r),
		Hide:     true,
	})
	return nil
}
