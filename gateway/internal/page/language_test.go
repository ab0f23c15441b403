package page

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func TestLanguageFollowsTheRequest(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                         "en",
		"nl-BE,nl;q=0.9,en;q=0.8":  "nl",
		"fr-CA":                    "fr",
		"de-AT, en;q=0.1":          "de",
		"ja":                       "en",
		"it, fr;q=0.5":             "fr",
		";;;":                      "en",
		strings.Repeat("nl,", 100): "en",
		base64.StdEncoding.EncodeToString([]byte("not a language")): "en",
	} {
		if got := Preferred(accept); got != want {
			t.Errorf("Accept-Language %.40q gives %q, want %q", accept, got, want)
		}
	}
}

// FuzzAcceptLanguage writes the header. The pages always have words in the chosen language. The case of a tag
// has no effect. A language that the client refuses with q=0 is never chosen.
func FuzzAcceptLanguage(f *testing.F) {
	for _, seed := range []string{
		"", "nl", "nl-BE,nl;q=0.9,en;q=0.8", "FR-ca", "de;q=0", "de;q=0, fr", "*", "nl;q=abc", "x-klingon", "en-US-u-rg-nlzzzz", "zh-Hant-TW", "nl,,fr", "n\u2000l", "nl\xa0", strings.Repeat("fr,", 90),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := Preferred(accept)
		if !slices.Contains(languages, got) {
			t.Fatalf("%q gives %q, in which there are no words", accept, got)
		}
		if len(accept) > 200 && got != "en" {
			t.Errorf("a header of %d bytes is read, and gives %q", len(accept), got)
		}
		if upper := Preferred(asciiUpper(accept)); upper != got && !strings.Contains(accept, ";") {
			t.Errorf("%q gives %q, and in capitals %q", accept, got, upper)
		}
		for _, language := range []string{"nl", "fr", "de"} {
			if refused := Preferred(language + ";q=0"); refused != "en" {
				t.Errorf("%q is chosen although it is refused", refused)
			}
			if len(accept) < 100 && Preferred(language+","+accept) == "en" && Preferred(accept) != "en" {
				t.Errorf("%s in front of %q is overlooked", language, accept)
			}
		}
	})
}

func asciiUpper(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, text)
}
