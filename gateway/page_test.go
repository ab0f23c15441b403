package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
)

// readProblem asks for the page behind a type.
func readProblem(name string) (*httptest.ResponseRecorder, error) {
	w := httptest.NewRecorder()
	g := &Gateway{config: Config{Path: DefaultPath}}
	r := httptest.NewRequest(http.MethodGet, "/itsme/problems/x", http.NoBody)
	err := g.serveProblem(exchange{w: w, r: r, rest: name})
	return w, err
}

func TestEveryProblemHasAPage(t *testing.T) {
	t.Parallel()
	for _, f := range append(slices.Clone(failures), unexpected) {
		answer, err := readProblem(f.problem)
		if err != nil {
			t.Errorf("%s has no page: %v", f.problem, err)
		}
		named := strings.Contains(html.UnescapeString(answer.Body.String()), "<li>"+strconv.Itoa(f.status)+": "+f.title)
		if n := strings.Count(html.UnescapeString(answer.Body.String()), "<li>"+strconv.Itoa(f.status)+": "+f.title+"<"); n > 1 {
			t.Errorf("the page of %s names its answer %q %d times", f.problem, f.title, n)
		}
		if f.err != nil && named != f.hasPage() {
			t.Errorf("the page of %s names its answer %q: %t", f.problem, f.title, named)
		}
	}
}

func TestProblemPageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, p := range page.Problems() {
		if !slices.ContainsFunc(failures, func(f failure) bool { return f.problem == p.Name }) {
			t.Errorf("no answer is of the type %s", p.Name)
		}
		answer, err := readProblem(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		body := html.UnescapeString(answer.Body.String())
		for _, text := range []string{p.Title, p.Cause, p.Remedy} {
			if text == "" || !strings.Contains(body, text) {
				t.Errorf("the page of %s lacks %q", p.Name, text)
			}
		}
		_, rest, _ := strings.Cut(answer.Body.String(), "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		hash := sha256.Sum256([]byte(style))
		if policy := answer.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
			t.Errorf("the policy %q does not allow the style of %s", policy, p.Name)
		}
	}
}

func TestUnknownProblemHasNoPage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nosuch", "Invalid_Token", "invalid_token/", "<script>", "%69nvalid_token", ""} {
		if answer, err := readProblem(name); !errors.Is(err, errNotFound) || answer.Body.Len() != 0 {
			t.Errorf("%q: error %v, page %s", name, err, answer.Body)
		}
	}
}

// TestDetailIsForDevelopersAlone: a client reads what is wrong with its request, and nothing of any other error.
func TestDetailIsForDevelopersAlone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a parameter":               {requestErrorf("%s is required", "code"), "code is required"},
		"a requirement":             {fmt.Errorf("%w: min_age", identity.ErrRequirement), "min_age"},
		"two credentials":           {identity.ErrAmbiguous, "more than one Authorization header"},
		"a token":                   {wrap(identity.ErrToken, "revoked"), ""},
		"a text that only looks so": {errors.New("invalid request: the code is secret"), ""},
	} {
		if got := detail(row.err); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

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
