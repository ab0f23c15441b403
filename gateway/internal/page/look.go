package page

import (
	_ "embed"
	"html/template"
	"strings"
)

// The pages share one template and one style, both made for this project.
//
// Unverified: the rules of itsme's brand guide for a button. The guide is public
// (https://brand.belgianmobileid.be/), but its measurements and colors could not be read. The icon is
// neutral, and page { color } adapts the rest.
var (
	//go:embed layout.html
	layoutSource string
	//go:embed style.css
	style string

	// loginScript starts a login for the user who sees the page, opens itsme, and waits for the end.
	//
	//go:embed login.js
	loginScript string
	// reloadScript loads the page again.
	//
	//go:embed reload.js
	reloadScript string
	// fragmentScript brings the fragment of a URL back after a login.
	//
	//go:embed fragment.js
	fragmentScript string
	// copyScript copies the address of a page.
	//
	//go:embed copy.js
	copyScript string
	// hideScript removes the query, with its code and state, from the address bar and the history.
	//
	//go:embed hide.js
	hideScript string
)

var layout = template.Must(template.New("page").Parse(layoutSource))

// scriptOf returns the script of a page, empty for most pages.
func scriptOf(p Page) string {
	switch {
	case p.Hide:
		return hideScript
	case p.Refresh > 0:
		return reloadScript
	case p.Fragment:
		return fragmentScript
	case p.Name == inAppName:
		return copyScript
	case p.scripted():
		return loginScript
	}
	return ""
}

// Config holds the operator's look and words. gateway.PageConfig documents and validates the fields.
type Config struct {
	Name  string
	Logo  string
	Color []string
	Start string
	Text  map[string]map[string]string
}

// Pages renders the pages of one gateway. Make one with [New]. It is safe for concurrent use.
type Pages struct {
	config   Config
	words    vocabulary
	style    string
	logo     string // as a source of the Content-Security-Policy, or empty
	path     string // of the gateway's endpoints
	loginURL string
}

// New returns the pages of a gateway whose endpoints are below a path of an origin.
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
