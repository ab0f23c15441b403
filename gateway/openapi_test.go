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
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel/high/base"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/docs"
	"github.com/caddy-itsme/caddy-itsme/internal/apitest"
)

// described is every path of the document with its methods. A star stands for a parameter.
func described() map[string][]string {
	found := make(map[string][]string)
	for path, item := range apitest.Document().Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().KeysFromOldest() {
			found[starred(path)] = append(found[starred(path)], strings.ToUpper(method))
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
		if e.proxies {
			methods = onlyGet // any method is answered the same
		}
		there[path] = slices.DeleteFunc(slices.Clone(methods), func(method string) bool { return method == http.MethodHead })
	}
	for name, e := range endpointTable() {
		add("/"+name, e)
	}
	g := &Gateway{
		config: Config{PublicURL: docs.ExamplePublicURL, Path: docs.ExamplePath}.WithDefaults(),
		public: &url.URL{Scheme: "https", Host: "app.example.be"},
		hosted: make(map[string]endpoint),
	}
	g.config.AppLinks = AppLinkConfig{IOS: []string{"A1B2C3D4E5.be.example.app"}, Android: []AndroidApp{{Package: "be.example.app"}}}
	g.routeDiscovery()
	g.routeAppLinks()
	for at, e := range g.hosted {
		_, path, _ := strings.Cut(at, "/")
		add("/"+path, e)
	}
	if diff := cmp.Diff(there, described()); diff != "" {
		t.Errorf("docs/openapi.yaml describes others (-gateway +document):\n%s", diff)
	}
}

// schemaNamed finds a schema of the document.
func schemaNamed(t *testing.T, name string) *base.Schema {
	t.Helper()
	proxy := apitest.Document().Components.Schemas.GetOrZero(name)
	if proxy == nil {
		t.Fatalf("docs/openapi.yaml has no schema %s", name)
	}
	return proxy.Schema()
}

// enum are the values that a schema allows.
func enum(s *base.Schema) (values []string) {
	for _, node := range s.Enum {
		values = append(values, node.Value)
	}
	if s.Const != nil {
		values = append(values, s.Const.Value)
	}
	return values
}

func member(t *testing.T, schema, name string) *base.Schema {
	t.Helper()
	proxy := schemaNamed(t, schema).Properties.GetOrZero(name)
	if proxy == nil {
		t.Fatalf("docs/openapi.yaml: %s has no member %s", schema, name)
	}
	return proxy.Schema()
}

func TestOpenAPINamesEveryError(t *testing.T) {
	t.Parallel()
	problems, oauth := make(map[string]bool), make(map[string]bool)
	for _, f := range append(slices.Clone(failures), unexpected) {
		problems[f.problem], oauth[f.oauth] = true, true
	}
	compare(t, "problems", problems, enum(schemaNamed(t, "ProblemName")))
	compare(t, "OAuth errors", oauth, slices.Concat(enum(member(t, "OAuthError", "error")), enum(member(t, "Pending", "error"))))
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
	compare(t, "claims", claims, slices.Collect(schemaNamed(t, "Userinfo").Properties.KeysFromOldest()))
	answer := apitest.Document().Paths.PathItems.GetOrZero("/verify").Get.Responses.Codes.GetOrZero("200")
	names := slices.DeleteFunc(slices.Collect(answer.Headers.KeysFromOldest()), func(name string) bool { return !strings.HasPrefix(name, attribute.HeaderPrefix) })
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
			g := &Gateway{openAPI: newOpenAPI(row.publicURL, row.path)}
			served := ask(g, "")
			parsed, err := libopenapi.NewDocument(served.Body.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			model, err := parsed.BuildV3Model()
			if err != nil {
				t.Fatal(err)
			}
			variables := model.Model.Servers[0].Variables
			if got := variables.GetOrZero("public_url").Default; got != row.publicURL {
				t.Errorf("public_url is %q", got)
			}
			if got := variables.GetOrZero("path").Default; got != row.path {
				t.Errorf("path is %q", got)
			}
			if row.publicURL != docs.ExamplePublicURL && strings.Contains(served.Body.String(), docs.ExamplePublicURL) {
				t.Error("the example's URL is left")
			}
		})
	}
}

// ask asks for the document as a client does that has a copy with that ETag.
func ask(g *Gateway, etag string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/itsme/openapi.yaml", http.NoBody)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	_ = g.serveOpenAPI(exchange{w: w, r: r})
	return w
}

func TestOpenAPIIsCached(t *testing.T) {
	t.Parallel()
	g := &Gateway{openAPI: newOpenAPI(docs.ExamplePublicURL, docs.ExamplePath)}
	first := ask(g, "")
	etag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || first.Header().Get("Content-Type") != "application/yaml" || first.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("served as %d %v", first.Code, first.Header())
	}
	if again := ask(g, etag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same copy is served as %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := ask(&Gateway{openAPI: newOpenAPI("https://other.example", "/itsme")}, etag); other.Code != http.StatusOK {
		t.Errorf("another gateway's document is served as %d", other.Code)
	}
}
