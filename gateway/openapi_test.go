package gateway

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/docs"
)

// parsedDocument is docs/openapi.yaml, as far as these tests read it.
type parsedDocument struct {
	Servers []struct {
		Variables map[string]struct{ Default string }
	}
	Paths      map[string]map[string]yaml.Node // by method, beside what all methods share
	Components struct {
		Schemas map[string]schema
	}
}

type parsedOperation struct {
	Responses map[string]struct{ Headers map[string]any }
}

type schema struct {
	Enum       []string
	Const      yaml.Node
	Properties map[string]schema
}

func parseDocument(t *testing.T, text string) (parsed parsedDocument) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// described is every path of the document with its methods. A star stands for a parameter.
func described(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	for path, item := range parseDocument(t, docs.OpenAPI()).Paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			if _, ok := item[strings.ToLower(method)]; ok {
				found[starred(path)] = append(found[starred(path)], method)
			}
		}
	}
	return found
}

func starred(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

func TestOpenAPIDescribesEveryEndpoint(t *testing.T) {
	t.Parallel()
	there := make(map[string][]string)
	add := func(path string, e endpoint) {
		methods := e.methods
		if e.methods == nil {
			methods = onlyGet // any method is answered the same
		}
		there[path] = slices.DeleteFunc(slices.Clone(methods), func(method string) bool { return method == http.MethodHead })
	}
	for name, e := range new(Gateway).endpointTable() {
		add("/"+name, e)
	}
	config := Config{PublicURL: docs.ExamplePublicURL, Path: docs.ExamplePath}.WithDefaults()
	config.AppLinks = AppLinkConfig{IOS: []string{"A1B2C3D4E5.be.example.app"}, Android: []AndroidApp{{Package: "be.example.app"}}}
	g := &Gateway{config: config, public: &url.URL{Scheme: "https", Host: "app.example.be"}}
	redirects := append([]string{config.RedirectURL}, config.AppRedirectURLs...)
	for at, e := range g.newRouter().hosted {
		if slices.Contains(redirects, "https://"+at) {
			continue // they stand in the table
		}
		_, path, _ := strings.Cut(at, "/")
		add("/"+path, e)
	}
	if diff := cmp.Diff(there, described(t)); diff != "" {
		t.Errorf("docs/openapi.yaml describes others (-gateway +document):\n%s", diff)
	}
}

// schemaNamed finds a schema of the document.
func schemaNamed(t *testing.T, name string) schema {
	t.Helper()
	found, ok := parseDocument(t, docs.OpenAPI()).Components.Schemas[name]
	if !ok {
		t.Fatalf("docs/openapi.yaml has no schema %s", name)
	}
	return found
}

// values returns what a schema allows.
func (s schema) values() []string {
	if s.Const.Kind == yaml.ScalarNode {
		return append(s.Enum, s.Const.Value)
	}
	return s.Enum
}

func member(t *testing.T, name, of string) schema {
	t.Helper()
	found, ok := schemaNamed(t, name).Properties[of]
	if !ok {
		t.Fatalf("docs/openapi.yaml: %s has no member %s", name, of)
	}
	return found
}

func TestOpenAPINamesEveryError(t *testing.T) {
	t.Parallel()
	problems, oauth := make(map[string]bool), make(map[string]bool)
	for _, f := range append(slices.Clone(failures), unexpected) {
		problems[f.problem], oauth[f.oauth] = true, true
	}
	compare(t, "problems", problems, schemaNamed(t, "ProblemName").values())
	compare(t, "OAuth errors", oauth, slices.Concat(member(t, "OAuthError", "error").values(), member(t, "Pending", "error").values()))
}

func compare(t *testing.T, what string, there map[string]bool, documented []string) {
	t.Helper()
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(there)), documented); diff != "" {
		t.Errorf("docs/openapi.yaml names other %s (-gateway +document):\n%s", what, diff)
	}
}

func TestOpenAPINamesEveryClaim(t *testing.T) {
	t.Parallel()
	claims := map[string]bool{"sub": true, "acr": true, "auth_time": true, "email_verified": true}
	identity := make(map[string]bool)
	for _, a := range attribute.All() {
		claims[a.Claim] = true
	}
	for claim := range claims {
		identity[attribute.Header(claim)] = true
	}
	compare(t, "claims", claims, slices.Collect(maps.Keys(schemaNamed(t, "Userinfo").Properties)))
	get := parseDocument(t, docs.OpenAPI()).Paths["/verify"]["get"]
	var verify parsedOperation
	if err := get.Decode(&verify); err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(verify.Responses["200"].Headers)), func(name string) bool { return !strings.HasPrefix(name, attribute.HeaderPrefix) })
	compare(t, "identity headers", identity, names)
}

func TestOpenAPIIsServedWithItsOwnURL(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ publicURL, path string }{
		"the example": {docs.ExamplePublicURL, docs.ExamplePath},
		"another one": {"https://login.example.org:8443", "/a/b"},
		"loopback":    {"http://[::1]:8080", "/itsme"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := ask(newOpenAPI(row.publicURL, row.path), "")
			variables := parseDocument(t, served.Body.String()).Servers[0].Variables
			if got := variables["public_url"].Default; got != row.publicURL {
				t.Errorf("public_url is %q", got)
			}
			if got := variables["path"].Default; got != row.path {
				t.Errorf("path is %q", got)
			}
			if row.publicURL != docs.ExamplePublicURL && strings.Contains(served.Body.String(), docs.ExamplePublicURL) {
				t.Error("the example's URL is left")
			}
		})
	}
}

// ask asks for the document as a client does that has a copy with that ETag.
func ask(d openAPIDocument, etag string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/itsme/openapi.yaml", http.NoBody)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	_ = d.serve(exchange{w: w, r: r})
	return w
}

func TestOpenAPIIsCached(t *testing.T) {
	t.Parallel()
	d := newOpenAPI(docs.ExamplePublicURL, docs.ExamplePath)
	first := ask(d, "")
	etag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || first.Header().Get("Content-Type") != "application/yaml" || first.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("served as %d %v", first.Code, first.Header())
	}
	if again := ask(d, etag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same copy is served as %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := ask(newOpenAPI("https://other.example", "/itsme"), etag); other.Code != http.StatusOK {
		t.Errorf("another gateway's document is served as %d", other.Code)
	}
}
