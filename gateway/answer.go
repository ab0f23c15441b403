package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/cachecontrol"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// answers writes the responses of the gateway itself: pages, problems and challenges.
type answers struct {
	config Config
	pages  *page.Pages
	log    *slog.Logger
}

// writeJSON answers with a JSON document that no cache keeps.
func writeJSON(w http.ResponseWriter, status int, mediaType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	noStore(w.Header())
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails when the client hung up
}

// noStore keeps a response of the gateway out of every cache. It also removes the fields that handlers in
// front set for some caches alone.
func noStore(h http.Header) {
	cachecontrol.DropTargeted(h)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// redirect sends a browser to the login page, or to a path of this origin. The path was checked when the
// login started.
func redirect(w http.ResponseWriter, to string) {
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// seconds returns a duration in whole seconds, as JSON and headers carry it. It is never negative.
func seconds(d time.Duration) int { return max(0, int(math.Floor(d.Seconds()))) }

// writePage answers with a page.
func (a *answers) writePage(w http.ResponseWriter, status int, p page.Page) {
	body, err := a.pages.Render(w.Header(), p)
	if err != nil {
		a.log.Error("a page could not be rendered", errorAttr(err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	noStore(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails when the client hung up
}

// failurePages maps a problem to the page that users see. Every other problem shows the page bad_request.
var failurePages = map[string]string{
	problemSignicat:  "unavailable",
	problemStore:     "unavailable",
	problemStarting:  "unavailable",
	problemRate:      "too_many",
	problemCrossSite: "cross_site",
}

// writeFailurePage shows an error as a page. p holds what is known of the user's login.
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
		p.Language = a.languageOf("", x.r)
	}
	f.writeRetryAfter(x.w.Header(), err)
	a.writePage(x.w, f.status, p)
}

// languageOf returns the language of a login and its pages. The client's choice comes first, then the
// configured language, then the first language of Accept-Language that the pages have, then English.
func (a *answers) languageOf(asked string, r *http.Request) string {
	switch {
	case page.Offers(asked):
		return asked
	case a.config.Language != "":
		return a.config.Language
	}
	return page.Preferred(r.Header.Get("Accept-Language"))
}
