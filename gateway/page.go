package gateway

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
)

// page is what a person sees. Whatever is shown comes from the words and from our own record,
// never from the request, but for the login form's checked fields.
type page struct {
	Name     string // which words; one of the pages in wordslogin.go and its neighbours
	Case     string // which of a page's several words, such as caseLevel; empty where it has one
	Language string

	ReturnTo  string
	ACRValues string
	MaxAge    string
	Probed    bool   // a cookie was set that the form should come back with
	Link      string // opens itsme
	SessionID string // of the login that Link belongs to
	ExpiresIn int    // seconds that Link is good for
	Again     bool   // offers to start over
	Refresh   int    // seconds until the page asks again by itself
	Hide      bool   // takes the query off the address bar
}

// The cases of the page not_enough: another login may cure it, or none can.
const (
	caseLevel = "level"
	caseClaim = "claim"
)

// caseNoCookies is the case of the page unbound when the browser sent no cookie at all.
const caseNoCookies = "no_cookies"

// key is under which the page's words are found.
func (p page) key() string {
	if p.Case == "" {
		return p.Name
	}
	return p.Name + "_" + p.Case
}

// scripted reports whether the page's script starts the login, or waits for its end.
func (p page) scripted() bool { return p.Name == "login" || p.Name == "open" }

// buttonless are the pages on which there is nothing to press, by their words.
var buttonless = []string{"waiting", "app_return", "too_large", "not_enough_claim"}

// panels are what the script of a login shows in the page's place when the login goes on so, and
// refusals what it says when it could not start one.
var (
	panels   = []string{"opened", "denied", "expired", "failed", "no_cookies"}
	refusals = []string{"unavailable", "too_many", "cross_site"}
)

// pageView is a page with what the template needs beside it.
type pageView struct {
	page
	Brand, Logo    string
	Words          words
	Open, Waiting  words
	Scripted       bool
	Panels         []panel
	Refusals       []panel
	Path           string
	FormURL        string
	AgainURL       string
	Languages      []languageLink
	LanguagesLabel string
	Style          template.CSS
	Script         template.JS
}

// panel is one of several words on a page.
type panel struct {
	Name  string
	Words words
}

// languageLink is the same page in a language; the URL of the one that is shown is empty.
type languageLink struct{ Language, Name, URL string }

// view puts together what a page shows.
func (g *Gateway) view(p page) pageView {
	look := g.look
	v := pageView{
		page:     p,
		Brand:    look.config.Name,
		Logo:     look.config.Logo,
		Words:    look.words.of(p.key(), p.Language),
		Open:     look.words.of("open", p.Language),
		Waiting:  look.words.of("waiting", p.Language),
		Scripted: p.scripted(),
		Path:     g.config.Path,
		FormURL:  g.own("/login"),
		AgainURL: g.loginURL(p, "", p.Language),
		Style:    template.CSS(look.style),
		Script:   template.JS(scriptOf(p)),
	}
	if p.scripted() {
		v.Panels = look.panels(panels, p.Language)
		v.Refusals = look.panels(refusals, p.Language)
	}
	if p.Refresh == 0 {
		v.Languages, v.LanguagesLabel = g.languageLinks(p), languagesLabel[p.Language]
	}
	return v
}

func (g *Gateway) writePage(w http.ResponseWriter, status int, p page) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, g.view(p)); err != nil {
		g.log.Error("rendering a page", errorAttr(err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	g.look.setHeaders(h, p)
	h.Set("Content-Language", p.Language)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client hung up: there is nobody to tell
}

// languageLinks lead to the page in every other language. A page that cannot be asked for again,
// because its URL carried a code, is shown once more by the login page's endpoint.
func (g *Gateway) languageLinks(p page) []languageLink {
	name := p.key()
	if p.scripted() {
		name = ""
	}
	links := make([]languageLink, len(languages))
	for i, language := range languages {
		links[i] = languageLink{language, languageNames[language], g.loginURL(p, name, language)}
		if language == p.Language {
			links[i].URL = ""
		}
	}
	return links
}

// loginURL is the login page, for the same login as the page's; with a name it shows those words
// first. It is absolute: apps may come back on another host, and a site on plain http has no logins.
func (g *Gateway) loginURL(p page, name, language string) string {
	query := url.Values{}
	if p.ReturnTo == "/" {
		p.ReturnTo = ""
	}
	for parameter, value := range map[string]string{
		"return_to": p.ReturnTo, "acr_values": p.ACRValues, "max_age": p.MaxAge, "language": language, pageParameter: name,
	} {
		if value != "" {
			query.Set(parameter, value)
		}
	}
	if len(query) == 0 {
		return g.own("/login")
	}
	return g.own("/login?") + query.Encode()
}

// failurePages is which page tells a problem to a person; others are told as a bad request.
var failurePages = map[string]string{
	problemSignicat:  "unavailable",
	problemStore:     "unavailable",
	problemStarting:  "unavailable",
	problemRate:      "too_many",
	problemCrossSite: "cross_site",
}

// writeFailurePage tells a person of an error. The page holds what is known of their login.
func (g *Gateway) writeFailurePage(x exchange, p page, err error) {
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
		p.Language = g.languageOf("", x.r.Header.Get("Accept-Language"))
	}
	f.writeRetryAfter(x.w.Header(), err)
	g.writePage(x.w, f.status, p)
}
