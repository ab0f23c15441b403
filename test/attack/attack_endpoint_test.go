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
	// someSession is the session_id of no session.
	someSession = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// endpoints are the gateway endpoints, with the methods that each answers.
var endpoints = []struct {
	path, methods string
	mediaType     string // of the required body
	changes       bool   // something, with any method
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

// post sends a request with a body to a gateway endpoint.
func (e *env) post(path, mediaType, body string, lines ...string) rawhttptest.Answer {
	e.t.Helper()
	if mediaType != "" {
		lines = append(lines, "Content-Type: "+mediaType+"\r\n")
	}
	return e.send(head(http.MethodPost, "/itsme"+path, appHost, lines...) + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// calls returns the number of calls that Signicat got.
func (e *env) calls() int { return len(e.Signicat.Calls()) }

// TestOwnEndpointsRefuseOtherMethods sends methods that an endpoint does not have: one that a page of another
// site can send to an endpoint that changes something, and one that a cache does not expect at an endpoint
// that reads.
func TestOwnEndpointsRefuseOtherMethods(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, endpoint := range endpoints {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Post"} {
			if slices.Contains(strings.Split(endpoint.methods, ", "), method) {
				continue
			}
			answer := e.ask(method, "/itsme"+endpoint.path, "X-HTTP-Method-Override: POST\r\n")
			if answer.Status != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != endpoint.methods {
				t.Errorf("%s %s: %d, Allow: %s", method, endpoint.path, answer.Status, answer.Header.Get("Allow"))
			}
			if answer.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: other sites may read the answer", method, endpoint.path)
			}
		}
	}
	if got := e.upstream.Take(); len(got) > 0 || e.calls() > 0 {
		t.Errorf("the upstream got %q, Signicat %d calls", got, e.calls())
	}
}

// TestEarlyDataChangesNothing has an attacker on the network repeat a request that a client sent in TLS early
// data. A login would start, end or finish twice. The proxy in front marks the request (RFC 8470 section 5.1,
// where several fields or an unknown value count as 1).
func TestEarlyDataChangesNothing(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, early := range []string{"Early-Data: 1\r\n", "early-data:1\r\n", "Early-Data: 0\r\nEarly-Data: 1\r\n", "Early-Data: 1\r\nEarly-Data: 1\r\n", "Early-Data: yes\r\n", "Early-Data: 0\r\n"} {
		for _, endpoint := range endpoints {
			if !strings.Contains(endpoint.methods, "POST") && !endpoint.changes {
				continue
			}
			answer := e.post(endpoint.path, endpoint.mediaType, "{}", early, "Origin: "+appURL+"\r\n", e.cookie(nil))
			if endpoint.path == "/callback" {
				answer = e.ask(http.MethodGet, "/itsme/callback?code=c&state=s", early)
			}
			if answer.Status != http.StatusTooEarly || len(answer.Header["Set-Cookie"]) > 0 {
				t.Errorf("%q %s: %d %s", early, endpoint.path, answer.Status, answer.Raw)
			}
		}
		if answer := e.ask(http.MethodGet, "/itsme/login", early); answer.Status != http.StatusOK {
			t.Errorf("%q: a page that changes nothing: %d", early, answer.Status)
		}
	}
	if e.calls() > 0 {
		t.Errorf("Signicat got %d calls", e.calls())
	}
}

// TestBodiesAreBounded has an attacker send bodies that are too large for their endpoint, to fill the memory.
func TestBodiesAreBounded(t *testing.T) {
	e := newAppEnv(t, pathSites)
	large := strings.Repeat("a", 16<<10+1)
	for _, endpoint := range endpoints {
		if !strings.Contains(endpoint.methods, "POST") {
			continue
		}
		path, lines := "/itsme"+endpoint.path, []string{"Origin: " + appURL + "\r\n", e.cookie(nil)}
		if answer := e.post(endpoint.path, endpoint.mediaType, large, lines...); answer.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", endpoint.path, answer.Status, answer.Body)
		}
		declared := e.send(head(http.MethodPost, path, appHost, lines...) + "Content-Type: " + endpoint.mediaType + "\r\nContent-Length: 9223372036854775807\r\n\r\n")
		if declared.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, declared: %d", endpoint.path, declared.Status)
		}
		if endpoint.mediaType == "" {
			continue // the endpoint does not read its body
		}
		chunk := strconv.FormatInt(int64(len(large)), 16) + "\r\n" + large + "\r\n0\r\n\r\n"
		answer := e.send(head(http.MethodPost, path, appHost, lines...) + "Content-Type: " + endpoint.mediaType + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
		if answer.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, in chunks: %d %s", endpoint.path, answer.Status, answer.Body)
		}
	}
}

// TestOtherMediaTypesAreRefused sends bodies with media types that a page of another site can send without a
// preflight, or that two readers understand differently.
func TestOtherMediaTypesAreRefused(t *testing.T) {
	e := newAppEnv(t, pathSites)
	other := map[string]string{formType: jsonType, jsonType: formType}
	for _, endpoint := range endpoints {
		if endpoint.mediaType == "" {
			continue
		}
		types := []string{
			"", other[endpoint.mediaType], "text/plain", "multipart/form-data; boundary=x", endpoint.mediaType + ", text/plain", endpoint.mediaType + "\r\nContent-Type: text/plain", endpoint.mediaType + "x", ";" + endpoint.mediaType, "*/*",
			"\u2000" + endpoint.mediaType, endpoint.mediaType + "\u00a0", endpoint.mediaType + "\xa0; charset=utf-8", endpoint.mediaType + "; charset=\u2000utf-8",
		}
		for _, mediaType := range types {
			lines := []string{"Origin: " + appURL + "\r\n"}
			if mediaType == "" && strings.HasSuffix(endpoint.path, "/cancel") {
				continue // a browser cancels with its cookie and no body
			}
			if answer := e.post(endpoint.path, mediaType, `{"code_challenge":"x"}`, lines...); answer.Status != http.StatusUnsupportedMediaType {
				t.Errorf("%s with %q: %d %s", endpoint.path, mediaType, answer.Status, answer.Body)
			}
		}
	}
	if e.calls() > 0 {
		t.Errorf("Signicat got %d calls", e.calls())
	}
}

// TestOwnPathsNeverReachUpstream has an attacker ask for paths that resemble a gateway endpoint or lie below
// the gateway's path, on a site where everything else is public. An upstream that answers there could serve a
// login page of its own.
func TestOwnPathsNeverReachUpstream(t *testing.T) {
	const site = "\titsme {\n\t\tpublic /*\n\t}\n\treverse_proxy UPSTREAM\n}\n"
	e := newAppEnv(t, "http://:65000 {\n"+site+"http://rewritten.example.be:65000 {\n\trewrite * /index.html\n"+site)
	for _, target := range []string{
		"/itsme", "/itsme/", "/itsme/unknown", "/itsme/login/x", "/itsme/../x", "/itsme/%2e%2e/x", "/itsme//login", "/itsme/login;x", "/itsme/LOGIN", "/itsme/%6cogin",
		"/itsme/sessions/", "/itsme/problems/", "/itsme/problems/../x", "/itsme/sessions/../x", "/itsme/sessions/" + someSession + "/", "/itsme/sessions/" + someSession + "/cancel/", "/itsme?x=/", "/itsme/\xff",
	} {
		for _, host := range []string{appHost, "other.example.be", "rewritten.example.be"} {
			answer := e.send(head(http.MethodGet, target, host) + "\r\n")
			if got := e.upstream.Take(); len(got) > 0 || answer.Status == http.StatusOK {
				t.Errorf("%s at %s: %d, the upstream got %q", target, host, answer.Status, got)
			}
		}
	}
	for _, target := range []string{"/ITSME/login", "//itsme/login", "/itsme%2flogin", "/itsme;/login", "/x/../itsme/login", "/%69tsme/login", `/itsme\login`, "/itsmes"} {
		if answer := e.ask(http.MethodGet, target); strings.Contains(answer.Body, "<form") {
			t.Errorf("%s is served as a gateway endpoint: %d", target, answer.Status)
		}
	}
}
