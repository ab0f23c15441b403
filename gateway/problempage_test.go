package gateway

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
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
		if f.err != nil && !strings.Contains(html.UnescapeString(page.Body.String()), f.title) {
			t.Errorf("the page of %s does not name its answer %q", f.problem, f.title)
		}
	}
}

func TestProblemPageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, p := range problemTypes {
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
