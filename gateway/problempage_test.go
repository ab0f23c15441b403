package gateway

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/apitest"
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
		page, err := readProblem(f.problem)
		if err != nil {
			t.Errorf("%s has no page: %v", f.problem, err)
		}
		named := strings.Contains(html.UnescapeString(page.Body.String()), "<li>"+strconv.Itoa(f.status)+": "+f.title)
		if f.err != nil && named != f.toldAsProblem() {
			t.Errorf("the page of %s names its answer %q: %t", f.problem, f.title, named)
		}
	}
}

func TestProblemPageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, p := range problemTypes {
		if !slices.ContainsFunc(failures, func(f failure) bool { return f.problem == p.Name }) {
			t.Errorf("nothing is told as %s", p.Name)
		}
		page, err := readProblem(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		body := html.UnescapeString(page.Body.String())
		for _, text := range []string{p.Title, p.Cause, p.Remedy} {
			if text == "" || !strings.Contains(body, text) {
				t.Errorf("the page of %s lacks %q", p.Name, text)
			}
		}
		_, rest, _ := strings.Cut(page.Body.String(), "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		if policy := page.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "style-src '"+sourceHash(style)+"'") {
			t.Errorf("the policy %q does not allow the style of %s", policy, p.Name)
		}
		asked := httptest.NewRequest(http.MethodGet, apitest.Path+"/problems/"+p.Name, http.NoBody)
		apitest.Check(t, apitest.Exchange{Request: asked, Status: page.Code, Header: page.Header(), Body: page.Body.String()})
	}
}

func TestUnknownProblemHasNoPage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nosuch", "Invalid_Token", "invalid_token/", "<script>", "%69nvalid_token", ""} {
		if page, err := readProblem(name); !errors.Is(err, errNotFound) || page.Body.Len() != 0 {
			t.Errorf("%q: error %v, page %s", name, err, page.Body)
		}
	}
}
