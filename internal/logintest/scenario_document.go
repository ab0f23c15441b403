package logintest

import (
	"net/http"
	"strings"
	"testing"
)

// documentScenarios request the public documents. Every request is compared with the OpenAPI document.
var documentScenarios = []Scenario{
	{"document: the API's description is served with the gateway's own URL", Options{}, documentOpenAPI},
	{"document: keys, metadata and health are there for every client", Options{}, documentPublic},
	{"document: a problem that is not there has no page, and is not repeated", Options{}, documentProblem},
	{"document: a method that is not there is refused", Options{}, documentMethod},
}

func documentOpenAPI(t *testing.T, e *Env) {
	app := e.NewApp()
	first := app.Get(t, "/openapi.yaml")
	for _, line := range []string{"openapi: 3.1.0\n", `default: "` + e.URL + `"`, `default: "` + Path + `"`} {
		if !strings.Contains(first.Body, line) {
			t.Errorf("the document lacks %q", line)
		}
	}
	r := request(t, http.MethodGet, e.URL+Path+"/openapi.yaml", "")
	r.Header.Set("If-None-Match", first.Header.Get("ETag"))
	wantAnswer(t, "the same copy", e.do(t, bare(), r), http.StatusNotModified)
}

// publicDocuments need no login, and are the same for every client.
var publicDocuments = []string{
	Path + "/jwks.json", Path + "/openapi.yaml", Path + "/health/live", Path + "/health/ready", Path + "/problems/starting",
	"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource",
}

func documentPublic(t *testing.T, e *Env) {
	for _, path := range publicDocuments {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := e.do(t, bare(), request(t, method, e.URL+path, "")); got.Status != http.StatusOK {
				t.Errorf("%s %s: %d %s", method, path, got.Status, got.Body)
			}
		}
	}
}

func documentProblem(t *testing.T, e *Env) {
	for _, name := range []string{"reflected", "reflected/invalid_token", "invalid_token/reflected"} {
		got := e.NewApp().Get(t, "/problems/"+name)
		if got.Status != http.StatusNotFound || got.Text("code") != "invalid_request" || strings.Contains(got.Body, "reflected") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

func documentMethod(t *testing.T, e *Env) {
	for _, path := range append([]string{Path + "/token", Path + "/login", Path + "/callback", Path + "/sessions"}, publicDocuments...) {
		wantAnswer(t, path, e.do(t, bare(), request(t, http.MethodPut, e.URL+path, "")), http.StatusMethodNotAllowed)
	}
}
