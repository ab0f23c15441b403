package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

// The pages are one template with one style, both drawn for this project.
//
// Unverified: what itsme's brand guide asks of a button. It is public in name
// (https://brand.belgianmobileid.be/), but its measurements and colours could not be read; the icon
// is a neutral one, and page { color } adapts the rest.
var (
	//go:embed layout.html
	layoutSource string
	//go:embed style.css
	style string

	// loginScript starts a login at the touch of the button, and waits for its end.
	//
	//go:embed login.js
	loginScript string
	// reloadScript asks for the page once more.
	//
	//go:embed reload.js
	reloadScript string
	// hideScript takes the query, with its code and state, off the address bar and the history.
	//
	//go:embed hide.js
	hideScript string
)

var layout = template.Must(template.New("page").Parse(layoutSource))

// scriptOf is a page's one script, empty for most.
func scriptOf(p Page) string {
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

// Config is the operator's look and words. Its fields are those of gateway.PageConfig, which documents
// and validates them.
type Config struct {
	Name  string
	Logo  string
	Color []string
	Text  map[string]map[string]string
}

// Pages renders the pages of one gateway. Make it with [New]. It is safe for concurrent use.
type Pages struct {
	config   Config
	words    vocabulary
	style    string
	logo     string // as a source of the Content-Security-Policy, or empty
	path     string // of the gateway's endpoints
	loginURL string
}

// New returns the pages of a gateway whose endpoints are at an origin below a path.
func New(config Config, origin, path string) *Pages {
	p := &Pages{
		config:   config,
		words:    allWords(),
		style:    config.coloredStyle(),
		logo:     config.Logo,
		path:     path,
		loginURL: origin + path + "/login",
	}
	if strings.HasPrefix(p.logo, "/") {
		p.logo = origin + p.logo
	}
	p.words.replace(config.Text)
	return p
}

func (p *Pages) panels(names []string, language string) []panel {
	all := make([]panel, len(names))
	for i, name := range names {
		all[i] = panel{name, p.words.of(name, language)}
	}
	return all
}

// policy is the page's Content-Security-Policy: its own style and script, by their hashes, the logo
// by its URL, for a script of a login this origin, and nothing else.
func (p *Pages) policy(shown Page) string {
	policy := "default-src 'none'; style-src '" + sourceHash(p.style) + "'"
	if script := scriptOf(shown); script != "" {
		policy += "; script-src '" + sourceHash(script) + "'"
	}
	if shown.scripted() {
		policy += "; connect-src 'self'"
	}
	if p.logo != "" {
		policy += "; img-src " + p.logo
	}
	return policy + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// setHeader sets what a browser must know of a page.
func (p *Pages) setHeader(h http.Header, shown Page) {
	setHTML(h, p.policy(shown), referrerPolicy(shown.Name), shown.Language)
}

// setHTML sets the header of an HTML page.
func setHTML(h http.Header, policy, referrer, language string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", referrer)
	h.Set("Content-Language", language)
}

// referrerPolicy keeps every page's URL to itself. The login page's form needs an Origin, which
// browsers replace by null under no-referrer (Fetch, "append a request Origin header").
func referrerPolicy(name string) string {
	if name == "login" {
		return "same-origin"
	}
	return "no-referrer"
}
