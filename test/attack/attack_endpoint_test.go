package attack_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
	// someSession is a session_id that no session has.
	someSession = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// endpoints are the gateway's own ones, with the methods that each answers.
var endpoints = []struct {
	path, methods string
	mediaType     string // of the body that it needs
	changes       bool   // something, whatever the method
}{
	{"/sessions", "POST", jsonType, true},
	{"/sessions/" + someSession, "GET, HEAD", "", false},
	{"/sessions/" + someSession + "/cancel", "POST", jsonType, true},
	{"/token", "POST", formType, true},
	{"/revoke", "POST", formType, true},
	{"/login", "GET, HEAD, POST", formType, false},
	{"/logout", "POST", "", true},
	{"/callback", "GET", "", true},
	{"/app/callback", "GET, HEAD", "", false},
	{"/userinfo", "GET, POST", "", false},
	{"/health/live", "GET, HEAD", "", false},
	{"/health/ready", "GET, HEAD", "", false},
	{"/jwks.json", "GET, HEAD", "", false},
	{"/openapi.yaml", "GET, HEAD", "", false},
	{"/problems/invalid_token", "GET, HEAD", "", false},
}

// post sends a request with a body to an own endpoint.
func (f *fort) post(path, mediaType, body string, lines ...string) rawhttptest.Answer {
	f.t.Helper()
	if mediaType != "" {
		lines = append(lines, "Content-Type: "+mediaType+"\r\n")
	}
	return f.send(head(http.MethodPost, "/itsme"+path, fortHost, lines...) + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// calls is how many calls Signicat got.
func (f *fort) calls() int { return len(f.signicat.Calls()) }

// TestOwnEndpointsRefuseOtherMethods reaches an endpoint that changes something with a method
// that a page of another site can use, or one that reads with one that a cache would not expect.
func TestOwnEndpointsRefuseOtherMethods(t *testing.T) {
	f := build(t, pathSites)
	for _, e := range endpoints {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Post"} {
			if slices.Contains(strings.Split(e.methods, ", "), method) {
				continue
			}
			answer := f.ask(method, "/itsme"+e.path, "X-HTTP-Method-Override: POST\r\n")
			if answer.Status != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != e.methods {
				t.Errorf("%s %s: %d, Allow: %s", method, e.path, answer.Status, answer.Header.Get("Allow"))
			}
			if answer.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: other sites may read the answer", method, e.path)
			}
		}
	}
	if got := f.upstream.Take(); len(got) > 0 || f.calls() > 0 {
		t.Errorf("the upstream got %q, Signicat %d calls", got, f.calls())
	}
}

// TestEarlyDataChangesNothing replays a request that a client sent in TLS early data, where
// anybody on the way can repeat it: a login would start, end or finish twice. A proxy in front
// says so (RFC 8470 section 5.1, where more than one field or an odd one counts as 1).
func TestEarlyDataChangesNothing(t *testing.T) {
	f := build(t, pathSites)
	for _, early := range []string{"Early-Data: 1\r\n", "early-data:1\r\n", "Early-Data: 0\r\nEarly-Data: 1\r\n", "Early-Data: 1\r\nEarly-Data: 1\r\n", "Early-Data: yes\r\n", "Early-Data: 0\r\n"} {
		for _, e := range endpoints {
			if !strings.Contains(e.methods, "POST") && !e.changes {
				continue
			}
			answer := f.post(e.path, e.mediaType, "{}", early, "Origin: "+fortURL+"\r\n", f.cookie(nil))
			if e.path == "/callback" {
				answer = f.ask(http.MethodGet, "/itsme/callback?code=c&state=s", early)
			}
			if answer.Status != http.StatusTooEarly || len(answer.Header["Set-Cookie"]) > 0 {
				t.Errorf("%q %s: %d %s", early, e.path, answer.Status, answer.Raw)
			}
		}
		if answer := f.ask(http.MethodGet, "/itsme/login", early); answer.Status != http.StatusOK {
			t.Errorf("%q: a page that changes nothing: %d", early, answer.Status)
		}
	}
	if f.calls() > 0 {
		t.Errorf("Signicat got %d calls", f.calls())
	}
}

// TestBodiesAreBounded sends more than an endpoint can have a use for, to fill the memory.
func TestBodiesAreBounded(t *testing.T) {
	f := build(t, pathSites)
	large := strings.Repeat("a", 16<<10+1)
	for _, e := range endpoints {
		if !strings.Contains(e.methods, "POST") {
			continue
		}
		path, lines := "/itsme"+e.path, []string{"Origin: " + fortURL + "\r\n", f.cookie(nil)}
		if answer := f.post(e.path, e.mediaType, large, lines...); answer.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", e.path, answer.Status, answer.Body)
		}
		declared := f.send(head(http.MethodPost, path, fortHost, lines...) + "Content-Type: " + e.mediaType + "\r\nContent-Length: 9223372036854775807\r\n\r\n")
		if declared.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, declared: %d", e.path, declared.Status)
		}
		if e.mediaType == "" {
			continue // nobody reads its body
		}
		chunk := strconv.FormatInt(int64(len(large)), 16) + "\r\n" + large + "\r\n0\r\n\r\n"
		answer := f.send(head(http.MethodPost, path, fortHost, lines...) + "Content-Type: " + e.mediaType + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
		if answer.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, in chunks: %d %s", e.path, answer.Status, answer.Body)
		}
	}
}

// TestOtherMediaTypesAreRefused sends a body in a form that a page of another site can send
// without asking, or that two readers understand differently.
func TestOtherMediaTypesAreRefused(t *testing.T) {
	f := build(t, pathSites)
	other := map[string]string{formType: jsonType, jsonType: formType}
	for _, e := range endpoints {
		if e.mediaType == "" {
			continue
		}
		types := []string{
			"", other[e.mediaType], "text/plain", "multipart/form-data; boundary=x", e.mediaType + ", text/plain", e.mediaType + "\r\nContent-Type: text/plain", e.mediaType + "x", ";" + e.mediaType, "*/*",
			"\u2000" + e.mediaType, e.mediaType + "\u00a0", e.mediaType + "\xa0; charset=utf-8", e.mediaType + "; charset=\u2000utf-8",
		}
		for _, mediaType := range types {
			lines := []string{"Origin: " + fortURL + "\r\n"}
			if mediaType == "" && strings.HasSuffix(e.path, "/cancel") {
				continue // a browser cancels with its cookie and no body
			}
			if answer := f.post(e.path, mediaType, `{"code_challenge":"x"}`, lines...); answer.Status != http.StatusUnsupportedMediaType {
				t.Errorf("%s with %q: %d %s", e.path, mediaType, answer.Status, answer.Body)
			}
		}
	}
	if f.calls() > 0 {
		t.Errorf("Signicat got %d calls", f.calls())
	}
}

// TestOwnPathsNeverReachUpstream asks for what only looks like an own endpoint, or lies below the
// own path, where everything else is public: an upstream that answered there could set up a login
// page of its own.
func TestOwnPathsNeverReachUpstream(t *testing.T) {
	const site = "\titsme {\n\t\tpublic /*\n\t}\n\treverse_proxy UPSTREAM\n}\n"
	f := build(t, "http://:65000 {\n"+site+"http://rewritten.example.be:65000 {\n\trewrite * /index.html\n"+site)
	for _, target := range []string{
		"/itsme", "/itsme/", "/itsme/unknown", "/itsme/login/x", "/itsme/../x", "/itsme/%2e%2e/x", "/itsme//login", "/itsme/login;x", "/itsme/LOGIN", "/itsme/%6cogin",
		"/itsme/sessions/", "/itsme/problems/", "/itsme/problems/../x", "/itsme/sessions/../x", "/itsme/sessions/" + someSession + "/", "/itsme/sessions/" + someSession + "/cancel/", "/itsme?x=/", "/itsme/\xff",
	} {
		for _, host := range []string{fortHost, "other.example.be", "rewritten.example.be"} {
			answer := f.send(head(http.MethodGet, target, host) + "\r\n")
			if got := f.upstream.Take(); len(got) > 0 || answer.Status == http.StatusOK {
				t.Errorf("%s at %s: %d, the upstream got %q", target, host, answer.Status, got)
			}
		}
	}
	for _, target := range []string{"/ITSME/login", "//itsme/login", "/itsme%2flogin", "/itsme;/login", "/x/../itsme/login", "/%69tsme/login", `/itsme\login`, "/itsmes"} {
		if answer := f.ask(http.MethodGet, target); strings.Contains(answer.Body, "<form") {
			t.Errorf("%s is served as an own endpoint: %d", target, answer.Status)
		}
	}
}
