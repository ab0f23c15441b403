package page

import (
	"slices"

	"golang.org/x/text/language"
)

// languages are the languages of every page.
var languages = []string{"nl", "fr", "de", "en"}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Dutch, language.French, language.German})

// Offers reports whether the pages have words in a language.
func Offers(language string) bool { return slices.Contains(languages, language) }

// Preferred returns the offered language that matches an Accept-Language best. Without a match it returns
// English.
func Preferred(acceptLanguage string) string {
	const longest = 200
	if len(acceptLanguage) > longest {
		return "en"
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return "en"
	}
	tag, _, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return "en"
	}
	base, _ := tag.Base()
	return base.String()
}
