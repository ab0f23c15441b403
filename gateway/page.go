package gateway

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
)

//go:embed page/layout.html
var pageLayout string

//go:embed page/style.css
var pageStyle string

// hideScript takes the query, with its code and state, off the address bar and the history.
//
//go:embed page/hide.js
var hideScript string

var pageTemplate = template.Must(template.New("page").Parse(pageLayout))

// page is what a person sees. Whatever is shown comes from the words and from our own record,
// never from the request, but for the login form's checked fields.
type page struct {
	Name     string // which words
	Language string

	ReturnTo  string
	ACRValues string
	MaxAge    string
	Link      string // opens itsme
	Again     bool   // offers to start over
	Refresh   int    // seconds until the page asks again by itself
	Hide      bool   // takes the query off the address bar
}

// pageView is a page with what the template needs beside it.
type pageView struct {
	page
	Words      words
	LoginPath  string
	AgainURL   string
	Others     []languageLink
	Style      template.CSS
	HideScript template.JS
}

type languageLink struct{ Language, Name, URL string }

func (g *Gateway) writePage(w http.ResponseWriter, status int, p page) {
	view := pageView{
		page:       p,
		Words:      wordsOf(p.Name, p.Language),
		LoginPath:  g.config.Path + "/login",
		AgainURL:   g.loginURL(p.ReturnTo, p.Language),
		Style:      template.CSS(pageStyle),
		HideScript: template.JS(hideScript),
	}
	for _, language := range languages {
		if language != p.Language {
			view.Others = append(view.Others, languageLink{language, languageNames[language], g.loginURL(p.ReturnTo, language)})
		}
	}
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, view); err != nil {
		g.log.Error("rendering a page", errorAttr(err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	pageHeaders(h, p.Name)
	h.Set("Content-Language", p.Language)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client hung up: there is nobody to tell
}

// loginURL is the login page, as a path of this origin.
func (g *Gateway) loginURL(returnTo, language string) string {
	query := url.Values{}
	if returnTo != "" && returnTo != "/" {
		query.Set("return_to", returnTo)
	}
	if language != "" {
		query.Set("language", language)
	}
	if len(query) == 0 {
		return g.config.Path + "/login"
	}
	return g.config.Path + "/login?" + query.Encode()
}

// contentSecurityPolicy allows the one style and the one script, by their hashes, and nothing
// from anywhere else.
var contentSecurityPolicy = "default-src 'none'; style-src '" + sourceHash(pageStyle) + "'; script-src '" + sourceHash(hideScript) +
	"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func pageHeaders(h http.Header, name string) {
	noStore(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", referrerPolicy(name))
}

// referrerPolicy keeps every page's URL to itself. The login page's form needs an Origin, which
// browsers replace by null under no-referrer (Fetch, "append a request Origin header").
func referrerPolicy(name string) string {
	if name == "login" {
		return "same-origin"
	}
	return "no-referrer"
}

// failurePages is which page tells a problem to a person; others are told as a bad request.
var failurePages = map[string]string{
	problemSignicat:  "unavailable",
	problemStore:     "unavailable",
	problemStarting:  "unavailable",
	problemRate:      "too_many",
	problemCrossSite: "cross_site",
}

// writeFailurePage tells a person of an error.
func (g *Gateway) writeFailurePage(x exchange, err error) {
	f := failureOf(err)
	name, ok := failurePages[f.problem]
	if !ok {
		name = "bad_request"
	}
	f.writeRetryAfter(x.w.Header(), err)
	g.writePage(x.w, f.status, page{
		Name:     name,
		Language: g.languageOf("", x.r.Header.Get("Accept-Language")),
		Again:    true,
		Hide:     true,
	})
}
