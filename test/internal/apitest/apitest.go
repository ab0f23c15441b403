// Package apitest holds what a gateway answers to what docs/openapi.yaml says of it: every status,
// header and member that a test sees has to stand there, and whatever the document does not allow
// in a request has to be refused.
package apitest

import (
	"net/http"
	"strings"
	"testing"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/caddy-itsme/caddy-itsme/docs"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// Path is the prefix of the own endpoints in every test.
const Path = docs.ExamplePath

// Exchange is a request and its answer, both read to the end.
type Exchange = logintest.Exchange

// Check fails the test for everything about an exchange that the document does not say. Answers
// that are not the gateway's own are left alone. It reads no body of the request and starts no
// goroutine.
func Check(t testing.TB, e Exchange) {
	t.Helper()
	for _, violation := range published.violations(e) {
		t.Errorf("docs/openapi.yaml on %s %s: %s", e.Request.Method, e.Request.URL.Path, violation)
	}
}

// Document is the document itself. Nobody changes it.
func Document() *v3.Document { return published.document }

// published is made when the program starts: what it is made with may start goroutines, and those
// must not be born in a bubble of testing/synctest.
var published = mustRead(docs.OpenAPI())

// statusAbandoned stands in the access log where a client hung up: no client ever gets it.
const statusAbandoned = 499

// target is where the document speaks of a request: a path and a method of it. It is empty for
// what the gateway does not answer itself.
func target(e Exchange) (method, path string) {
	if e.Status == statusAbandoned {
		return "", ""
	}
	path = e.Request.URL.EscapedPath()
	own, isOwn := strings.CutPrefix(path, Path)
	switch {
	case isOwn && (own == "/verify" || strings.HasPrefix(own, "/verify/")):
		return http.MethodGet, "/verify" // any method, and any path below it
	case isOwn && (own == "" || own[0] == '/'):
		return e.Request.Method, own
	case strings.HasPrefix(path, "/.well-known/"):
		return e.Request.Method, path
	case mediaType(e.Header) == "application/problem+json" && e.Status == http.StatusBadRequest:
		return http.MethodGet, "/userinfo" // proxies take a 400 of /verify for trouble of their own
	case mediaType(e.Header) == "application/problem+json":
		return http.MethodGet, "/verify" // a site refuses as /verify does
	}
	return "", ""
}

func mediaType(h http.Header) string {
	name, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.TrimSpace(name)
}
