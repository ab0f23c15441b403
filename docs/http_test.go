package docs_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/repotest"
)

const (
	claimsPage = "docs/claims.md"
	httpPage   = "docs/http.md"
)

// alwaysThere has the rows of the table of claims without an attribute.
const alwaysThere = 3

func TestClaims(t *testing.T) {
	t.Parallel()
	type row struct {
		Attribute, Claim, Header string
		Sensitive                bool
	}
	var want, named []row
	for _, a := range attribute.All() {
		want = append(want, row{a.Name, a.Claim, a.Header(), a.Sensitive})
	}
	for _, cells := range readTableOf(t, claimsPage, "Signicat attribute")[alwaysThere:] {
		name, _ := code(cells[0])
		claim, _ := code(cells[1])
		header, _ := code(cells[2])
		named = append(named, row{name, claim, header, strings.HasPrefix(cells[3], "Sensitive.")})
	}
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("the table names others (-gateway +page):\n%s", diff)
	}
}

// TestHeadersArrive logs in a user who has every attribute, and compares the headers that the upstream gets
// with the table.
func TestHeadersArrive(t *testing.T) {
	t.Parallel()
	var config gateway.Config
	for _, a := range attribute.All() {
		config.Attributes = append(config.Attributes, a.Name)
		config.Token.Claims = append(config.Token.Claims, a.Claim)
	}
	front := gatewaytest.Start(t, config)
	app := front.NewApp()
	app.Call(t, "/", app.Login(t, "adult"))
	var got []string
	for name := range front.Upstream.Last() {
		if strings.HasPrefix(name, attribute.HeaderPrefix) {
			got = append(got, name)
		}
	}
	want := []string{"X-Itsme-Email-Verified"}
	for _, cells := range readTableOf(t, claimsPage, "Signicat attribute") {
		header, _ := code(cells[2])
		want = append(want, header)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("others arrive (-page +upstream):\n%s", diff)
	}
}

// TestEndpointsAnswer requests every endpoint of the tables.
func TestEndpointsAnswer(t *testing.T) {
	t.Parallel()
	front := gatewaytest.Start(t, gateway.Config{
		Attributes: []string{"name"},
		Verify:     []string{"127.0.0.1"},
		AppLinks: gateway.AppLinkConfig{
			IOS:     []string{logintest.IOSApp},
			Android: []gateway.AndroidApp{{Package: logintest.AndroidApp, Fingerprints: []string{logintest.AndroidFingerprint}}},
		},
	})
	app := front.NewApp()
	app.Start(t)
	for _, row := range readTableOf(t, httpPage, "Method") {
		path, _ := code(row[1])
		for method := range strings.SplitSeq(row[0], ", ") {
			status := ask(t, front, app, method, path)
			if wellKnown(path) && status != http.StatusOK {
				t.Errorf("%s %s answers %d", method, path, status)
			}
			if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
				t.Errorf("%s %s answers %d", method, path, status)
			}
		}
	}
	if status := ask(t, front, app, http.MethodGet, "/nosuch"); status != http.StatusNotFound {
		t.Errorf("an unknown endpoint answers %d, want 404: the test cannot find a missing endpoint", status)
	}
	if status := ask(t, front, app, http.MethodGet, "/token"); status != http.StatusMethodNotAllowed {
		t.Errorf("a wrong method answers %d, want 405: the test cannot find a missing method", status)
	}
}

func wellKnown(path string) bool { return strings.HasPrefix(path, "/.well-known/") }

// ask requests an endpoint as an app with a pending login does.
func ask(t *testing.T, front *logintest.Env, app *logintest.App, method, path string) (status int) {
	t.Helper()
	at := front.URL + gateway.DefaultPath
	if wellKnown(path) {
		at = front.URL
	}
	body := strings.NewReader(`{"code_challenge":"` + app.Challenge() + `","code_verifier":"` + app.Verifier + `"}`)
	path = strings.NewReplacer("{session_id}", app.SessionID, "{name}", "starting").Replace(path)
	r, err := http.NewRequestWithContext(t.Context(), method, at+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(r) // a redirect is an answer, too
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// routes match, in the source, the endpoints below the path and the documents at the root.
var routes = map[string]*regexp.Regexp{
	"gateway/route.go":     regexp.MustCompile(`"([a-z./]+)\*?":\s+\{methods|Endpoint\s+= "([a-z./]+)"`),
	"gateway/discovery.go": regexp.MustCompile(`"/(\.well-known/[a-z.-]+)()"`),
	"gateway/applink.go":   regexp.MustCompile(`"/(\.well-known/[a-z.-]+)()"`),
}

// TestEndpointsAreNamed looks up every endpoint of the source in the tables.
func TestEndpointsAreNamed(t *testing.T) {
	t.Parallel()
	var named []string
	for _, row := range readTableOf(t, httpPage, "Method") {
		path, _ := code(row[1])
		parent, _, _ := strings.Cut(path, "{")
		named = append(named, parent)
	}
	for file, route := range routes {
		found := route.FindAllStringSubmatch(repotest.ReadFile(t, file), -1)
		if len(found) < 2 {
			t.Fatalf("%s: the test finds no endpoints; correct its pattern", file)
		}
		for _, endpoint := range found {
			if path := "/" + endpoint[1] + endpoint[2]; !slices.Contains(named, path) {
				t.Errorf("%s does not name %s", httpPage, path)
			}
		}
	}
}
