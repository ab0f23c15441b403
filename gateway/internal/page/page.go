package page

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
)

// Page describes one page for a user. Its content comes from the words and from the record of the login. Of
// the request it holds only the checked fields of the login form.
type Page struct {
	Name     string // key of its words in wordslogin.go, wordsend.go or wordsrefusal.go
	Case     string // of a page with several cases, such as CaseLevel; empty for others
	Language string

	ReturnTo  string
	ACRValues string
	MaxAge    string
	Prompt    string // prompt of the login page's URL
	Probed    bool   // a probe cookie was set, which the browser should send with the form
	Link      string // opens itsme
	SessionID string // of the login of Link
	ExpiresIn int    // seconds that Link is valid
	Again     bool   // offers a new start
	Restarts  string // session_id of the login that the button starts again in this browser
	Refresh   int    // seconds until the page reloads
	Hide      bool   // removes the query from the address bar
	Fragment  bool   // the browser keeps the fragment of ReturnTo for the login SessionID
	Arrives   bool   // a script goes to ReturnTo, with its fragment
	Device    string // of a browser inside another app: DeviceIOS, DeviceAndroid, or empty
}

const (
	// CaseLevel is the case of the page not_enough when another login may help.
	CaseLevel = "level"
	// CaseClaim is the case of the page not_enough when no login helps.
	CaseClaim = "claim"
	// CaseNoCookies is the case of the page unbound for a browser that sent no cookie at all.
	CaseNoCookies = "no_cookies"
)

// key returns the key of the page's words.
func (p Page) key() string {
	if p.Case == "" {
		return p.Name
	}
	return p.Name + "_" + p.Case
}

// scripted reports whether the page's script starts the login or waits for its end.
func (p Page) scripted() bool { return p.Name == "login" || p.Name == "open" }

var (
	// buttonless lists the pages without a button.
	buttonless = []string{"waiting", "app_return", "too_large", "not_enough_claim"}
	// unaddressed lists the pages that the login page cannot show: they need their login.
	unaddressed = []string{"login", "open", "opened", "elsewhere", "waiting"}
)

// The script of a login shows a panel in the place of the page when the login changes, and a refusal when
// it could not start a login.
var (
	panels   = []string{"opened", "elsewhere", "denied", "expired", "failed", "no_cookies"}
	refusals = []string{"unavailable", "too_many", "cross_site"}
)

// view holds a page with the template's other data.
type view struct {
	Page
	Brand, Logo    string
	Start          string // when the script starts a login: tap, or early
	Words          words
	Open, Waiting  words
	Scripted       bool
	Panels         []panel
	Refusals       []panel
	Path           string
	FormURL        string
	AgainURL       string
	InApp          inApp
	Languages      []languageLink
	LanguagesLabel string
	Style          template.CSS
	Script         template.JS
}

// panel is a part of a page with words of its own, hidden at first.
type panel struct {
	Name  string
	Words words
}

// view returns the template's data of a page.
func (p *Pages) view(shown Page) view {
	v := view{
		Page:     shown,
		Brand:    p.config.Name,
		Logo:     p.config.Logo,
		Start:    p.config.Start,
		Words:    p.words.of(shown.key(), shown.Language),
		Open:     p.words.of("open", shown.Language),
		Waiting:  p.words.of("waiting", shown.Language),
		Scripted: shown.scripted(),
		Path:     p.path,
		FormURL:  p.loginURL,
		AgainURL: p.againURL(shown),
		Style:    template.CSS(p.style),
		Script:   template.JS(scriptOf(shown)),
	}
	if shown.scripted() {
		v.Panels = p.panels(panels, shown.Language)
		v.Refusals = p.panels(refusals, shown.Language)
	}
	if shown.Name == inAppName {
		v.InApp = p.inAppLinks(shown)
	}
	if shown.Refresh == 0 && !shown.Arrives {
		v.Languages, v.LanguagesLabel = p.languageLinks(shown), languagesLabel[shown.Language]
	}
	return v
}

// Render returns a page as HTML and sets its headers.
func (p *Pages) Render(h http.Header, shown Page) ([]byte, error) {
	var body bytes.Buffer
	if err := layout.Execute(&body, p.view(shown)); err != nil {
		return nil, err
	}
	p.setHeader(h, shown)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	return body.Bytes(), nil
}
