package gateway

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
)

// The pages are one template with one style, both drawn for this project.
//
// Unverified: what itsme's brand guide asks of a button. It is public in name
// (https://brand.belgianmobileid.be/), but its measurements and colours could not be read; the icon
// is a neutral one, and page { color } adapts the rest.
var (
	//go:embed page/layout.html
	pageLayout string
	//go:embed page/style.css
	pageStyle string

	// loginScript starts a login at the touch of the button, and waits for its end.
	//
	//go:embed page/login.js
	loginScript string
	// reloadScript asks for the page once more.
	//
	//go:embed page/reload.js
	reloadScript string
	// hideScript takes the query, with its code and state, off the address bar and the history.
	//
	//go:embed page/hide.js
	hideScript string
)

var pageTemplate = template.Must(template.New("page").Parse(pageLayout))

// scriptOf is a page's one script, empty for most.
func scriptOf(p page) string {
	switch {
	case p.Hide:
		return hideScript
	case p.Refresh > 0:
		return reloadScript
	case p.scripted():
		return loginScript
	}
	return ""
}

// look is how the pages of a gateway look and speak.
type look struct {
	config PageConfig
	words  vocabulary
	style  string
	logo   string // as a source of the Content-Security-Policy, or empty
}

func newLook(config PageConfig, public *url.URL) *look {
	l := &look{config: config, words: pageWords(), style: config.style(), logo: config.logoSource(public)}
	l.words.replace(config.Text)
	return l
}

func (l *look) panels(names []string, language string) []panel {
	all := make([]panel, len(names))
	for i, name := range names {
		all[i] = panel{name, l.words.of(name, language)}
	}
	return all
}

// policy is the page's Content-Security-Policy: its own style and script, by their hashes, the logo
// by its URL, for a script of a login this origin, and nothing else.
func (l *look) policy(p page) string {
	policy := "default-src 'none'; style-src '" + sourceHash(l.style) + "'"
	if script := scriptOf(p); script != "" {
		policy += "; script-src '" + sourceHash(script) + "'"
	}
	if p.scripted() {
		policy += "; connect-src 'self'"
	}
	if l.logo != "" {
		policy += "; img-src " + l.logo
	}
	return policy + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (l *look) setHeaders(h http.Header, p page) {
	noStore(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", l.policy(p))
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", referrerPolicy(p.Name))
}

// referrerPolicy keeps every page's URL to itself. The login page's form needs an Origin, which
// browsers replace by null under no-referrer (Fetch, "append a request Origin header").
func referrerPolicy(name string) string {
	if name == "login" {
		return "same-origin"
	}
	return "no-referrer"
}
