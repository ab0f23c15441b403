package gateway

import (
	"slices"

	"golang.org/x/text/language"
)

var pageLanguages = language.NewMatcher([]language.Tag{language.English, language.Dutch, language.French, language.German})

// preferred is the offered language that suits an Accept-Language best; English when none does.
func preferred(acceptLanguage string) string {
	const longest = 200
	if len(acceptLanguage) > longest {
		return "en"
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return "en"
	}
	tag, _, confidence := pageLanguages.Match(tags...)
	if confidence == language.No {
		return "en"
	}
	base, _ := tag.Base()
	return base.String()
}

// languageOf picks the language of a login: what the client names, else the configured one,
// else the first of Accept-Language that is offered, else English.
func (g *Gateway) languageOf(asked, acceptLanguage string) string {
	switch {
	case slices.Contains(languages, asked):
		return asked
	case g.config.Language != "":
		return g.config.Language
	}
	return preferred(acceptLanguage)
}
