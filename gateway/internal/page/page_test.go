package page

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// example returns the pages of a gateway at app.example.be.
func example(config Config) *Pages { return New(config, "https://app.example.be", "/itsme") }

// render returns a page's header and body.
func render(t *testing.T, p *Pages, shown Page) (http.Header, string) {
	t.Helper()
	h := make(http.Header)
	body, err := p.Render(h, shown)
	if err != nil {
		t.Fatal(err)
	}
	return h, string(body)
}

func TestEveryPageHasItsWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	pages := example(Config{})
	for name := range pages.words {
		for _, language := range languages {
			w := pages.words.of(name, language)
			if w.Title == "" || len(w.Text) == 0 || w.Action == "" {
				t.Errorf("%s has no words in %s", name, language)
			}
			if language != "en" && w.Text[0] == pages.words.of(name, "en").Text[0] {
				t.Errorf("%s is English in %s", name, language)
			}
			_, body := render(t, pages, Page{Name: name, Language: language, Again: true, Link: "https://idp.example/?a=1&b=2"})
			if !strings.Contains(body, `<html lang="`+language+`">`) || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s in %s: %s", name, language, body)
			}
		}
	}
}

func TestEveryPageThatIsShownHasWords(t *testing.T) {
	t.Parallel()
	names := slices.Concat(panels, refusals, buttonless, unaddressed)
	for _, p := range []Page{{Name: "not_enough", Case: CaseLevel}, {Name: "not_enough", Case: CaseClaim}, {Name: "unbound", Case: CaseNoCookies}} {
		names = append(names, p.key())
	}
	all := allWords()
	for _, name := range names {
		if _, ok := all[name]; !ok {
			t.Errorf("no words for %s", name)
		}
	}
}

// A page's own style and script are the only ones that run: were their hashes wrong, the page
// would be bare, and were they missing, an injected script would run.
func TestPolicyAllowsWhatThePageHolds(t *testing.T) {
	t.Parallel()
	pages := example(Config{Logo: "/logo.svg", Color: []string{"0b5cad"}})
	for name, p := range map[string]Page{
		"a page that hides its query":        {Name: "unbound", Hide: true},
		"a page that reloads itself":         {Name: "waiting", Refresh: 2},
		"the login page":                     {Name: "login"},
		"the link to itsme":                  {Name: "open", Link: "https://idp.example/"},
		"a page without a script":            {Name: "denied", Again: true},
		"a page that brings a fragment back": {Name: "waiting", Fragment: true, Arrives: true, ReturnTo: "/a"},
		"an end that keeps a fragment":       {Name: "denied", Again: true, Fragment: true},
		"a page in a browser of an app":      {Name: "in_app", Device: DeviceAndroid},
	} {
		p.Language = "en"
		header, body := render(t, pages, p)
		policy := header.Get("Content-Security-Policy")
		for _, element := range []string{"style", "script"} {
			for _, rest := range strings.Split(body, "<"+element+">")[1:] {
				source, _, ok := strings.Cut(rest, "</"+element+">")
				if !ok || !strings.Contains(policy, element+"-src '"+sourceHash(source)+"'") {
					t.Errorf("%s: the policy %q does not allow the %s", name, policy, element)
				}
			}
		}
		if strings.Contains(policy, "script-src") != strings.Contains(body, "<script>") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "; img-src https://app.example.be/logo.svg;") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
		if !strings.HasSuffix(policy, "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'") || header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s may be framed, or sends its form elsewhere: %v", name, header)
		}
		if referrer := header.Get("Referrer-Policy"); referrer != "no-referrer" && (p.Name != "login" || referrer != "same-origin") {
			t.Errorf("%s: Referrer-Policy is %q", name, referrer)
		}
	}
}

func TestLoginPageEscapesWhereToReturn(t *testing.T) {
	t.Parallel()
	pages := example(Config{Name: `<b onclick="x">`, Text: map[string]map[string]string{"login.text": {"en": "</p><img src=x>"}}})
	_, body := render(t, pages, Page{Name: "login", Language: "en", ReturnTo: `/"><i>x</i>`})
	for _, element := range []string{"<i>", "<b ", "<img"} {
		if strings.Contains(body, element) {
			t.Errorf("the page holds %s: %s", element, body)
		}
	}
}

var languageLinkURL = regexp.MustCompile(`<a href="([^"]+)" lang="nl"`)

func TestSwitchingLanguageKeepsTheLogin(t *testing.T) {
	t.Parallel()
	pages := example(Config{})
	kept := Page{ReturnTo: "/a?b=c", ACRValues: "high", MaxAge: "60", Language: "fr"}
	for name, want := range map[string]string{
		"login":      "https://app.example.be/itsme/login?acr_values=high&amp;language=nl&amp;max_age=60&amp;return_to=%2Fa%3Fb%3Dc",
		"denied":     "https://app.example.be/itsme/login?acr_values=high&amp;language=nl&amp;max_age=60&amp;page=denied&amp;return_to=%2Fa%3Fb%3Dc",
		"app_return": "https://app.example.be/itsme/login?acr_values=high&amp;language=nl&amp;max_age=60&amp;page=app_return&amp;return_to=%2Fa%3Fb%3Dc",
	} {
		kept.Name = name
		_, body := render(t, pages, kept)
		found := languageLinkURL.FindStringSubmatch(body)
		if found == nil {
			t.Errorf("%s offers no Dutch", name)
		} else if diff := cmp.Diff(want, found[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConfiguredTextsReplaceThePagesOwn(t *testing.T) {
	t.Parallel()
	pages := example(Config{Name: "Stad Gent", Text: map[string]map[string]string{
		"login.title":  {"nl": "Welkom"},
		"login.text":   {"nl": "Een zin."},
		"login.action": {"nl": "Ga verder"},
	}})
	_, body := render(t, pages, Page{Name: "login", Language: "nl"})
	for _, want := range []string{"<title>Welkom - Stad Gent</title>", "<header>Stad Gent</header>", "<h1>Welkom</h1>\n<p>Een zin.</p>\n<form", "<span>Ga verder</span>"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if _, french := render(t, pages, Page{Name: "login", Language: "fr"}); !strings.Contains(french, allWords().of("login", "fr").Title) {
		t.Errorf("another language lost its words: %s", french)
	}
}

func TestReloadNeedsNoScriptAndNoMetaWithOne(t *testing.T) {
	t.Parallel()
	_, body := render(t, example(Config{}), Page{Name: "waiting", Language: "en", Refresh: 2})
	// A refresh by meta cannot be stopped and takes the focus (WCAG 2.2, F41).
	if !strings.Contains(body, `<noscript><meta http-equiv="refresh" content="2"></noscript>`) || strings.Count(body, "http-equiv") != 1 || !strings.Contains(body, `data-refresh="2"`) {
		t.Errorf("the waiting page: %s", body)
	}
}
