package page

import (
	"slices"

	"golang.org/x/text/language"
)

// languages are those in which every page has words.
var languages = []string{"nl", "fr", "de", "en"}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Dutch, language.French, language.German})

// Offers reports whether the pages have words in a language.
func Offers(language string) bool { return slices.Contains(languages, language) }

// Preferred returns the offered language that suits an Accept-Language best; English when none does.
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
