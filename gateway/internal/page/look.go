package page

import (
	_ "embed"
	"html/template"
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
