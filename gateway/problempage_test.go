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
