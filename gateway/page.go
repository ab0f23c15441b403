package gateway

import (
	"errors"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// writePage answers with a page.
func (a *answers) writePage(w http.ResponseWriter, status int, p page.Page) {
	body, err := a.pages.Render(w.Header(), p)
	if err != nil {
		a.log.Error("rendering a page", errorAttr(err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	noStore(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails when the client hung up
}

// failurePages names the page that shows a problem to a user. The other problems are shown as a bad
// request.
var failurePages = map[string]string{
	problemSignicat:  "unavailable",
	problemStore:     "unavailable",
	problemStarting:  "unavailable",
	problemRate:      "too_many",
	problemCrossSite: "cross_site",
}

// writeFailurePage answers an error with a page. The page that it is given holds what is known of the
// user's login.
func (a *answers) writeFailurePage(x exchange, p page.Page, err error) {
	f := failureOf(err)
	name, ok := failurePages[f.problem]
	switch {
	case errors.Is(err, errNoCookies):
		name = "no_cookies"
	case !ok:
		name = "bad_request"
	}
	p.Name, p.Again, p.Hide = name, true, true
	if p.Language == "" {
		p.Language = a.languageOf("", x.r.Header.Get("Accept-Language"))
	}
	f.writeRetryAfter(x.w.Header(), err)
	a.writePage(x.w, f.status, p)
}

// languageOf returns the language of a login and its pages: the one that the client names, else the
// configured one, else the first of Accept-Language that the pages have, else English.
func (a *answers) languageOf(asked, acceptLanguage string) string {
	switch {
	case page.Offers(asked):
		return asked
	case a.config.Language != "":
		return a.config.Language
	}
	return page.Preferred(acceptLanguage)
}
