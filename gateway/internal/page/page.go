package page

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
)

// Page is one page that a user sees. Its content comes from the words and from our own record. Of the
// request it holds the checked fields of the login form and nothing else.
type Page struct {
	Name     string // of its words in wordslogin.go, wordsend.go and wordsrefusal.go
	Case     string // of a page with several words, such as CaseLevel; empty for others
	Language string

	ReturnTo  string
	ACRValues string
	MaxAge    string
	Probed    bool   // a cookie was set that the browser should send with the form
	Link      string // opens itsme
	SessionID string // of the login that Link belongs to
	ExpiresIn int    // seconds that Link is valid
	Again     bool   // offers to start over
	Refresh   int    // seconds until the page loads again by itself
	Hide      bool   // removes the query from the address bar
}

const (
	// CaseLevel is the case of the page not_enough that another login may cure.
	CaseLevel = "level"
	// CaseClaim is the case of the page not_enough that no login cures.
	CaseClaim = "claim"
	// CaseNoCookies is the case of the page unbound for a browser that sent no cookie at all.
	CaseNoCookies = "no_cookies"
)

// key names the page's words.
func (p Page) key() string {
	if p.Case == "" {
		return p.Name
	}
	return p.Name + "_" + p.Case
}

// scripted reports whether the page's script starts the login, or waits for its end.
func (p Page) scripted() bool { return p.Name == "login" || p.Name == "open" }

var (
	// buttonless are the words of pages without a button.
	buttonless = []string{"waiting", "app_return", "too_large", "not_enough_claim"}
	// unaddressed are the words that mean nothing without their login.
	unaddressed = []string{"login", "open", "opened", "waiting"}
)

// The script of a login shows one of the panels in the page's place when the login goes on, and one
// of the refusals when it could not start a login.
var (
	panels   = []string{"opened", "denied", "expired", "failed", "no_cookies"}
	refusals = []string{"unavailable", "too_many", "cross_site"}
)

// view is a page with what the template needs beside it.
type view struct {
	Page
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

// view returns what a page shows.
func (p *Pages) view(shown Page) view {
	v := view{
		Page:     shown,
		Brand:    p.config.Name,
		Logo:     p.config.Logo,
		Words:    p.words.of(shown.key(), shown.Language),
		Open:     p.words.of("open", shown.Language),
		Waiting:  p.words.of("waiting", shown.Language),
		Scripted: shown.scripted(),
		Path:     p.path,
		FormURL:  p.loginURL,
		AgainURL: p.LoginURL(shown, "", shown.Language),
		Style:    template.CSS(p.style),
		Script:   template.JS(scriptOf(shown)),
	}
	if shown.scripted() {
		v.Panels = p.panels(panels, shown.Language)
		v.Refusals = p.panels(refusals, shown.Language)
	}
	if shown.Refresh == 0 {
		v.Languages, v.LanguagesLabel = p.languageLinks(shown), languagesLabel[shown.Language]
	}
	return v
}

// Render returns a page as HTML, and sets the header that belongs to it.
func (p *Pages) Render(h http.Header, shown Page) ([]byte, error) {
	var body bytes.Buffer
	if err := layout.Execute(&body, p.view(shown)); err != nil {
		return nil, err
	}
	p.setHeader(h, shown)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	return body.Bytes(), nil
}
