package page

import (
	"net/url"
	"slices"
)

// Parameter is the parameter of the login page's URL that names a page to show first: in another
// language, or after a logout. It chooses a text. Nothing else is read or changed.
const Parameter = "page"

// languageLink is the same page in a language. The URL of the one that is shown is empty.
type languageLink struct{ Language, Name, URL string }

// languageLinks lead to the page in every other language. A page whose URL carried a code cannot be
// loaded again: the login page shows its words once more.
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

// LoginURL returns the URL of the login page, for the same login as the page's. With a name, the login
// page shows those words first. The URL is absolute: an app's redirect URL may be on another host,
// and a site on plain http has no logins.
func (p *Pages) LoginURL(of Page, name, language string) string {
	query := url.Values{}
	if of.ReturnTo == "/" {
		of.ReturnTo = ""
	}
	for parameter, value := range map[string]string{
		"return_to": of.ReturnTo, "acr_values": of.ACRValues, "max_age": of.MaxAge, "language": language, Parameter: name,
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

// Standalone reports whether the login page may show the words of that name in the place of its own.
func (p *Pages) Standalone(name string) bool {
	_, known := p.words[name]
	return known && !slices.Contains(unaddressed, name)
}

// HasButton reports whether the words of that name come with a button.
func HasButton(name string) bool { return !slices.Contains(buttonless, name) }
