package gateway

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

func TestPageConfigIsRefusedWithARemedy(t *testing.T) {
	t.Parallel()
	texts := func(key, language, text string) PageConfig {
		return PageConfig{Text: map[string]map[string]string{key: {language: text}}}
	}
	for name, row := range map[string]struct {
		config PageConfig
		want   string
	}{
		"a name on two lines":          {PageConfig{Name: "a\nb"}, "page name: it is not plain UTF-8 on one line"},
		"a name that is too long":      {PageConfig{Name: strings.Repeat("x", MaxPageName+1)}, "page name: 81 bytes are too many; use at most 80"},
		"a logo over plain http":       {PageConfig{Logo: "http://cdn.example/logo.svg"}, `page logo: "http://cdn.example/logo.svg" is plain http; use https`},
		"a logo that is data":          {PageConfig{Logo: "data:image/png;base64,AA"}, "page logo: "},
		"a logo with a query":          {PageConfig{Logo: "https://cdn.example/logo.svg?v=1"}, "page logo: \"https://cdn.example/logo.svg?v=1\" has a query"},
		"a path with a query":          {PageConfig{Logo: "/logo.svg?v=1"}, "page logo: the path of"},
		"a logo on //host":             {PageConfig{Logo: "//cdn.example/logo.svg"}, "page logo: the path of"},
		"a logo that ends the policy":  {PageConfig{Logo: "https://cdn.example/a;script-src"}, "page logo: the path of"},
		"a logo with a second source":  {PageConfig{Logo: "https://cdn.example/a,b"}, "page logo: the path of"},
		"a host that ends the policy":  {PageConfig{Logo: "https://cdn.example;sandbox/logo.svg"}, `page logo: "https://cdn.example;sandbox/logo.svg" has a host that no client sends`},
		"a host with a second source":  {PageConfig{Logo: "https://cdn.example,evil.example/logo.svg"}, `page logo: "https://cdn.example,evil.example/logo.svg" has a host that no client sends`},
		"a host and no picture":        {PageConfig{Logo: "https://cdn.example"}, "page logo: the path of"},
		"a colour's name":              {PageConfig{Color: []string{"red"}}, `page color: "red" is not a color; write six hexadecimal digits, such as 0b5cad`},
		"a colour that is too short":   {PageConfig{Color: []string{"0b5ca"}}, `page color: "0b5ca" is not a color`},
		"a colour with transparency":   {PageConfig{Color: []string{"#0b5cad80"}}, `page color: "#0b5cad80" is not a color`},
		"a colour that is a style":     {PageConfig{Color: []string{"0b5cad}body{"}}, `page color: "0b5cad}body{" is not a color`},
		"no colour":                    {PageConfig{Color: []string{""}}, `page color: "" is not a color`},
		"three colours":                {PageConfig{Color: []string{"000", "111", "222"}}, "page color: 3 colors; give one, or two (the second for dark mode)"},
		"a start that is neither":      {PageConfig{Start: "late"}, `page start: "late" is neither early nor tap; early starts a login once a phone shows the page, tap with the tap`},
		"a text that does not exist":   {texts("login.titel", "nl", "x"), `page text: there is no text "login.titel"; the known ones are app_return.text app_return.title bad_request.action`},
		"a page without a button":      {texts("waiting.action", "nl", "x"), `page text: there is no text "waiting.action"`},
		"a language that is not there": {texts("login.title", "it", "x"), `page text login.title: the language "it" is not offered; use nl, fr, de or en`},
		"an empty text":                {texts("login.title", "nl", ""), "page text login.title nl: empty"},
		"a text that is too long":      {texts("login.title", "nl", strings.Repeat("x", MaxPageText+1)), "page text login.title nl: 1001 bytes are too many"},
		"a text that is no UTF-8":      {texts("login.title", "nl", "\xff"), "page text login.title nl: it is not plain UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Config{Page: row.config}.validatePage()
			if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("the error is %v, want %s", err, row.want)
			}
		})
	}
}

func TestPageConfigIsAccepted(t *testing.T) {
	t.Parallel()
	config := PageConfig{
		Name: "Ville de Liège", Logo: "https://cdn.example/a/logo@2x.png", Color: []string{"#0b5cad", "9cf"},
		Text: map[string]map[string]string{"logged_out.action": {"fr": "Revenir"}},
	}
	if err := (Config{Page: config}).validatePage(); err != nil {
		t.Error(err)
	}
	config.Logo = "/assets/logo.svg"
	if err := (Config{Page: config}).validatePage(); err != nil {
		t.Error(err)
	}
}

// TestEveryFailurePageHasWords fails when an error leads to a page without words.
func TestEveryFailurePageHasWords(t *testing.T) {
	t.Parallel()
	pages := page.New(page.Config{}, "https://app.example.be", DefaultPath)
	for problem, name := range failurePages {
		if !pages.Standalone(name) {
			t.Errorf("the page %s of %s has no words", name, problem)
		}
	}
}
