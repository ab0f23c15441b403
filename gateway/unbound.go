package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/store"
)

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
	p := page.Page{Name: "unbound", Hide: true, Again: true}
	if len(x.r.Header["Cookie"]) == 0 {
		p.Case = page.CaseNoCookies
	}
	if record.Kind == store.Browser {
		p.Restarts = record.ID
	}
	p.Language = b.answers.languageOf("", x.r.Header.Get("Accept-Language"))
	b.writeReturn(x, back, http.StatusBadRequest, p)
}

// writeOver answers a callback whose login is over or was never there.
func (b *browserAPI) writeOver(x exchange, back returnReport) {
	b.writeReturn(x, back, http.StatusBadRequest, b.pageOver(x))
}

func (b *browserAPI) pageOver(x exchange) page.Page {
	return page.Page{Name: "over", Hide: true, Again: true, Language: b.answers.languageOf("", x.r.Header.Get("Accept-Language"))}
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
