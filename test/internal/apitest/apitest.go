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

// Check fails the test for every part of an exchange that the document does not describe. It ignores answers
// of the upstream. It reads no body of the request and starts no goroutine.
func Check(t testing.TB, e Exchange) {
	t.Helper()
	for _, violation := range published.verdict(e) {
		t.Errorf("docs/openapi.yaml on %s %s: %s", e.Request.Method, e.Request.URL.Path, violation)
	}
}

// Document returns the document. Callers must not change it.
func Document() *v3.Document { return published.document }

// published is read when the program starts. The library may start goroutines, which must not start in a bubble of
// testing/synctest.
var published = mustRead(docs.OpenAPI())

// statusAbandoned is the status in the access log when a client hung up. No client gets it.
const statusAbandoned = 499

// target returns the method and the path by which the document describes a request. Both are empty for a request that
// the gateway does not answer itself.
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
		return http.MethodGet, "/userinfo" // proxies treat a 400 of /verify as a fault of their own
	case mediaType(e.Header) == "application/problem+json":
		return http.MethodGet, "/verify" // a site refuses as /verify does
	}
	return "", ""
}

func mediaType(h http.Header) string {
	name, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.TrimSpace(name)
}
