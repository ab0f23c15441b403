package page

import (
	"net/url"
	"slices"
	"strings"
)

// Parameter is the parameter of the login page's URL that names another page to show first: in another
// language, or after a logout. It only chooses a text.
const Parameter = "page"

// PromptParameter is the parameter of the login page's URL that asks for a new login of a browser that has a
// session. Its only value is PromptLogin, as in OpenID Connect. It is never sent to Signicat.
const (
	PromptParameter = "prompt"
	PromptLogin     = "login"
)

// languageLink links to the same page in another language. The link to the shown language has no URL.
type languageLink struct{ Language, Name, URL string }

// languageLinks returns the links to the page in every language. A page whose URL held a code cannot be
// loaded again: its link shows its words on the login page.
func (p *Pages) languageLinks(shown Page) []languageLink {
	name := shown.key()
	if shown.scripted() {
		name = ""
	}
	links := make([]languageLink, len(languages))
	for i, language := range languages {
		links[i] = languageLink{language, languageNames[language], p.LoginURL(shown, name, language)}
		if language == shown.Language {
			links[i].URL = ""
		}
	}
	return links
}

// LoginURL returns the URL of the login page for the login of a page. With a name, the login page shows the
// words of that page first. The URL is absolute: an app's redirect URL may be on another host, and a site on
// plain http has no logins.
func (p *Pages) LoginURL(of Page, name, language string) string {
	query := url.Values{}
	if of.ReturnTo == "/" {
		of.ReturnTo = ""
	}
	for parameter, value := range map[string]string{
		"return_to": of.ReturnTo, PromptParameter: of.Prompt, "acr_values": of.ACRValues, "max_age": of.MaxAge, "language": language, "session_id": of.Restarts, Parameter: name,
	} {
		if value != "" {
			query.Set(parameter, value)
		}
	}
	if len(query) == 0 {
		return p.loginURL
	}
	return p.loginURL + "?" + query.Encode()
}

// againURL returns the URL of the login page for a new login, also of a browser that has a session.
func (p *Pages) againURL(of Page) string {
	of.Prompt, of.Restarts = PromptLogin, ""
	return p.LoginURL(of, "", of.Language)
}

// Standalone reports whether the login page may show the words of another page.
func (p *Pages) Standalone(name string) bool {
	_, known := p.words[name]
	return known && !slices.Contains(unaddressed, name)
}

// Restarts reports whether the button of a page may start a login again in this browser.
func Restarts(name string) bool { return strings.HasPrefix(name, "unbound") }

// HasButton reports whether a page has a button.
func HasButton(name string) bool { return !slices.Contains(buttonless, name) }
