package gateway

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEveryPageHasItsWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	g := &Gateway{config: Config{Path: DefaultPath}}
	for name := range pageWords {
		for _, language := range languages {
			w := pageWords[name][language]
			if w.Title == "" || len(w.Text) == 0 {
				t.Errorf("%s has no words in %s", name, language)
			}
			answer := httptest.NewRecorder()
			g.writePage(answer, 200, page{Name: name, Language: language, Again: true, Link: "https://idp.example/?a=1&b=2"})
			body := answer.Body.String()
			if !strings.Contains(body, `<html lang="`+language+`">`) || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s in %s: %s", name, language, body)
			}
		}
	}
}

func TestEveryPageThatIsShownHasWords(t *testing.T) {
	t.Parallel()
	for _, name := range failurePages {
		if _, ok := pageWords[name]; !ok {
			t.Errorf("no words for %s", name)
		}
	}
}

// A page's own style and script are the only ones that run: were their hashes wrong, the page
// would be bare, and were they missing, an injected script would run.
func TestPolicyAllowsWhatThePageHolds(t *testing.T) {
	t.Parallel()
	g := &Gateway{config: Config{Path: DefaultPath}}
	answer := httptest.NewRecorder()
	g.writePage(answer, 200, page{Name: "unbound", Language: "en", Hide: true})
	policy, body := answer.Header().Get("Content-Security-Policy"), answer.Body.String()
	for _, element := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(body, "<"+element+">")
		source, _, ok := strings.Cut(rest, "</"+element+">")
		if !ok || !strings.Contains(policy, element+"-src '"+sourceHash(source)+"'") {
			t.Errorf("the policy %q does not allow the %s", policy, element)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestLoginPageEscapesWhereToReturn(t *testing.T) {
	t.Parallel()
	g := &Gateway{config: Config{Path: DefaultPath}}
	answer := httptest.NewRecorder()
	g.writePage(answer, 200, page{Name: "login", Language: "en", ReturnTo: `/"><script>alert(1)</script>`})
	if strings.Contains(answer.Body.String(), "<script>") {
		t.Errorf("the page runs what was sent: %s", answer.Body)
	}
}

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
