package gateway

import (
	"encoding/base64"
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
		if got := preferred(accept); got != want {
			t.Errorf("Accept-Language %.40q gives %q, want %q", accept, got, want)
		}
	}
}
