package gateway

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

const (
	// StartEarly starts a login on a touch device once the user sees the login page.
	StartEarly = "early"
	// StartTap starts a login when the user taps or clicks.
	StartTap = "tap"

	// MaxPageName bounds the service's name on the pages, in bytes.
	MaxPageName = 80
	// MaxPageText bounds a text of the pages, in bytes.
	MaxPageText = 1000
)

// PageConfig replaces the look and the words of the pages. Its zero value keeps both. It converts to the
// config of package page, field by field.
type PageConfig struct {
	// Name is the service's name, above every page and in its title. At most [MaxPageName] bytes. Empty shows
	// none.
	Name string

	// Logo is the URL of a picture that replaces the name: https (http on loopback hosts only), or a path on
	// PublicURL's origin that needs no login. It has no query. Empty shows none.
	Logo string

	// Color is the color of the button, as rrggbb or rgb, with or without a leading #. A second color is for
	// dark mode. Without it the first serves both. The text on the button is white or black, whichever is
	// readable. Empty keeps the pages' own.
	Color []string

	// Start says when the login page's script starts a login on a touch device: [StartEarly], so that the first
	// tap follows a link that is there, or [StartTap]. With a mouse or a keyboard, and without JavaScript, the
	// user's own click always starts it. Empty means [StartEarly].
	Start string

	// Text replaces texts, by key (see [PageTexts]) and language: nl, fr, de or en. A value is text, not
	// HTML. At most [MaxPageText] bytes each.
	Text map[string]map[string]string
}

// PageTexts returns the keys of [PageConfig].Text: the name of a page, then .title, .text or .action (the
// button). The slice is the caller's copy.
func PageTexts() []string { return page.Texts() }

// logoPath matches a path that a Content-Security-Policy can name: no blank, comma or semicolon.
var logoPath = regexp.MustCompile(`^(/[A-Za-z0-9._~@+%-]+)+$`)

func (c Config) validatePage() error {
	if err := validatePageText("page name", c.Page.Name, MaxPageName); err != nil {
		return err
	}
	if err := c.Page.validateLogo(); err != nil {
		return err
	}
	if len(c.Page.Color) > 2 {
		return configErrorf("page color: %d colors; give one, or two (the second for dark mode)", len(c.Page.Color))
	}
	for _, text := range c.Page.Color {
		if !page.IsColor(text) {
			return configErrorf("page color: %q is not a color; write six hexadecimal digits, such as 0b5cad", text)
		}
	}
	if !slices.Contains([]string{"", StartEarly, StartTap}, c.Page.Start) {
		return configErrorf("page start: %q is neither %s nor %s; %[2]s starts a login once a phone shows the page, %[3]s with the tap", c.Page.Start, StartEarly, StartTap)
	}
	return c.Page.validateTexts()
}

func (p PageConfig) validateLogo() error {
	path := p.Logo
	if path == "" {
		return nil
	}
	if !strings.HasPrefix(path, "/") {
		u, err := parseWebURL("page logo", path)
		if err != nil {
			return err
		}
		path = u.EscapedPath()
		if u.RawQuery != "" || u.ForceQuery {
			return configErrorf("page logo: %q has a query, which a Content-Security-Policy cannot name; use a URL without one", p.Logo)
		}
	}
	if !logoPath.MatchString(path) {
		return configErrorf("page logo: the path of %q is empty or has characters that a Content-Security-Policy cannot name; use one like /assets/logo.svg", p.Logo)
	}
	return nil
}

func (p PageConfig) validateTexts() error {
	for key, texts := range p.Text {
		if !slices.Contains(page.Texts(), key) {
			return configErrorf("page text: there is no text %q; the known ones are %s", key, strings.Join(page.Texts(), " "))
		}
		for language, text := range texts {
			if !page.Offers(language) {
				return configErrorf("page text %s: the language %q is not offered; use nl, fr, de or en", key, language)
			}
			if text == "" {
				return configErrorf("page text %s %s: empty; write what to show, or drop the line to keep the text", key, language)
			}
			if err := validatePageText("page text "+key+" "+language, text, MaxPageText); err != nil {
				return err
			}
		}
	}
	return nil
}

func validatePageText(field, text string, most int) error {
	switch {
	case len(text) > most:
		return configErrorf("%s: %d bytes are too many; use at most %d", field, len(text), most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return configErrorf("%s: it is not plain UTF-8 on one line; remove line breaks and control characters", field)
	}
	return nil
}
