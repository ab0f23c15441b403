package attack_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// keySites are sites whose addresses are written out, a wildcard and a port alone.
const keySites = `
http://app.example.be:65000 {
	rewrite /old/* /new{uri}
	method /patched PATCH
	itsme {
		public /public/*
	}
	handle /twice/* {
		itsme {
			require loa low
		}
		reverse_proxy UPSTREAM
	}
	handle_path /prefix/* {
		reverse_proxy UPSTREAM
	}
	reverse_proxy UPSTREAM
}
http://named.example.be:65000 {
	itsme
	reverse_proxy UPSTREAM
}
http://[2001:db8::1]:65000 {
	itsme
	reverse_proxy UPSTREAM
}
http://open.example.be:65000 {
	itsme /private/* {
		optional
	}
	reverse_proxy UPSTREAM
}
http://nonce.example.be:65000 {
	route {
		itsme /private/*
		header DPoP-Nonce of-the-upstream
		respond "{http.request.header.DPoP}{http.request.header.Authorization}"
	}
}
http://*.wild.example.be:65000 {
	itsme
	reverse_proxy UPSTREAM
}
http://:65000 {
	itsme {
		audience https://audience.example.be/orders
	}
	reverse_proxy UPSTREAM
}`

const trustsLoopback = "}\nservers :" + appPort + " {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict"

// boundToken issues an access token that is bound to a key.
func (e *env) boundToken(key *dpoptest.Key) string {
	e.t.Helper()
	claims := personClaims(nil)
	claims.KeyThumbprint = key.Thumbprint()
	raw, _, err := e.authority.IssueAccess(claims)
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

// proven returns the header lines of a token with a new proof for a method and a URL.
func (e *env) proven(key *dpoptest.Key, token, method, url string) string {
	e.t.Helper()
	return "Authorization: DPoP " + token + "\r\nDPoP: " + key.Sign(e.t, dpoptest.Proof{Method: method, URL: url, Token: token}) + "\r\n"
}

// TestProofIsForTheURLThatTheClientUsed: another service, to which the app sends proofs too, replays one here. It chooses
// Host, the path and what a proxy would say of them. A proof counts only for the host of public_url, for one that is written
// out in the site's addresses, and for the method and path that the client sent.
func TestProofIsForTheURLThatTheClientUsed(t *testing.T) {
	const https, host = "X-Forwarded-Proto: https\r\n", "X-Forwarded-Host: "
	e := newAppEnv(t, keySites, trustsLoopback)
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	for _, row := range []struct {
		method, host, target, lines string
		url                         string // in the proof
		want                        bool
	}{
		{"GET", appHost, "/a?x=1", https, "https://app.example.be/a", true},
		{"GET", appHost, "/a", https, "HTTPS://APP.example.be:443/a#x", true},
		{"GET", appHost + ":443", "/a", https, "https://app.example.be/a", true},
		{"GET", appHost, "/", https, "https://app.example.be", true},
		{"GET", appHost, "/a", "", "http://app.example.be/a", true},
		{"GET", appHost, "/a", https, "http://app.example.be/a", false},
		{"GET", appHost, "/a", "", "https://app.example.be/a", false},
		{"GET", appHost, "/a", https + https, "https://app.example.be/a", false},
		{"GET", appHost, "/a", "X-Forwarded-Proto: https,http\r\n", "https://app.example.be/a", false},
		{"GET", appHost + ":8443", "/a", https, "https://app.example.be:8443/a", false},
		{"GET", "named.example.be", "/a", https, "https://named.example.be/a", true},
		{"GET", "named.example.be", "/a", https, "https://app.example.be/a", false},
		{"GET", appHost, "/a", https + host + "named.example.be\r\n", "https://named.example.be/a", false},
		{"GET", "named.example.be", "/a", https + host + "app.example.be\r\n", "https://app.example.be/a", true},
		{"GET", appHost, "/a", https + host + "evil.example\r\n", "https://evil.example/a", false},
		{"GET", appHost, "/a", https + host + appHost + "\r\n" + host + appHost + "\r\n", "https://app.example.be/a", false},
		{"GET", "x.wild.example.be", "/a", https, "https://x.wild.example.be/a", false},
		{"GET", "x.wild.example.be", "/a", https + host + appHost + "\r\n", "https://app.example.be/a", true},
		{"GET", "audience.example.be", "/a", https, "https://audience.example.be/a", true},
		{"GET", "x.wild.example.be", "/a", https + host + "audience.example.be\r\n", "https://audience.example.be/a", false},
		{"GET", "[2001:DB8::1]", "/a", https, "https://[2001:db8::1]:443/a", true},
		{"GET", "[2001:db8::2]", "/a", https, "https://[2001:db8::2]/a", false},
		{"GET", "evil.example", "/a", https, "https://evil.example/a", false},
		{"GET", "10.0.0.1", "/a", https + host + appHost + "\r\n", "https://app.example.be/a", true},
		{"GET", appHost, "/old/a", https, "https://app.example.be/old/a", true},
		{"GET", appHost, "/old/a", https, "https://app.example.be/new/old/a", false},
		{"GET", appHost, "/prefix/a", https, "https://app.example.be/prefix/a", true},
		{"GET", appHost, "/prefix/a", https, "https://app.example.be/a", false},
		{"GET", appHost, "/a%2Fb/%7Ec", https, "https://app.example.be/a%2fb/~c", true},
		{"GET", appHost, "/a%2Fb", https, "https://app.example.be/a/b", false},
		{"GET", appHost, "/a%5Cb", https, "https://app.example.be/a/b", false},
		{"GET", appHost, "/a|b", https, "https://app.example.be/a|b", true},
		{"GET", appHost, "/a|b", https, "https://app.example.be/a%7cb", true},
		{"GET", appHost, "/x/../a", https, "https://app.example.be/x/../a", true},
		{"GET", appHost, "/x/../a", https, "https://app.example.be/a", false},
		{"GET", appHost, "//a", https, "https://app.example.be/a", false},
		{"POST", appHost, "/patched", https, "https://app.example.be/patched", true},
		{"GET", appHost, "/twice/a", https, "https://app.example.be/twice/a", true},
	} {
		answer := e.send(head(row.method, row.target, row.host, row.lines, e.proven(key, token, row.method, row.url)) + "\r\n")
		got := strings.Join(e.upstream.Take(), "")
		if passed := strings.Contains(got, "X-Itsme-Subject: "+person); passed != row.want || !row.want && answer.Status != http.StatusUnauthorized {
			t.Errorf("%s %s at %s with %q: a proof for %s: %d %q", row.method, row.target, row.host, row.lines, row.url, answer.Status, answer.Body)
		}
	}
	unknown := e.send(head("GET", "/a", "evil.example", https, e.proven(key, token, "GET", "https://evil.example/a")) + "\r\n")
	if !strings.Contains(unknown.Body, `"detail":"the URL of this request is not one of the gateway's"`) {
		t.Errorf("at another host the answer is %q", unknown.Body)
	}
	patched := head("POST", "/patched", appHost, https, e.proven(key, token, "PATCH", "https://app.example.be/patched")) + "\r\n"
	if answer := e.send(patched); answer.Status != http.StatusUnauthorized {
		t.Errorf("a proof for the method of a rewrite: %d", answer.Status)
	}
}

// TestForwardedHeadersNeedATrustedProxy: a client that connects directly writes the headers of a proxy.
func TestForwardedHeadersNeedATrustedProxy(t *testing.T) {
	e := newAppEnv(t, keySites)
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	const lines = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.be\r\n"
	for url, want := range map[string]int{"https://app.example.be/a": http.StatusUnauthorized, "http://named.example.be/a": http.StatusOK} {
		answer := e.send(head("GET", "/a", "named.example.be", lines, e.proven(key, token, "GET", url)) + "\r\n")
		if answer.Status != want {
			t.Errorf("a proof for %s: %d %q", url, answer.Status, answer.Body)
		}
	}
}

// anyProof matches the header DPoP in what an upstream got, and a DPoP credential.
var anyProof = regexp.MustCompile(`(?i)(\r\nd.?pop:|dpop)`)

// TestNoUpstreamGetsAProof: an upstream that keeps proofs and tokens could use them at a replica. A client could have the
// upstream read a proof that no gateway checked.
func TestNoUpstreamGetsAProof(t *testing.T) {
	e := newAppEnv(t, keySites)
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	proven := func(path string) string { return e.proven(key, token, "GET", "http://app.example.be"+path) }
	for name, request := range map[string]string{
		"checked":                head("GET", "/a", appHost, proven("/a")) + "\r\n",
		"checked twice":          head("GET", "/twice/a", appHost, proven("/twice/a")) + "\r\n",
		"at a public path":       head("GET", "/public/a", appHost, proven("/public/a")) + "\r\n",
		"beside a bearer token":  head("GET", "/a", appHost, e.bearer(nil), "DPoP: x\r\ndpop: y\r\n") + "\r\n",
		"beside a cookie":        head("GET", "/a", appHost, e.cookie(nil), "DPOP: x\r\n") + "\r\n",
		"outside of the matcher": head("GET", "/a", "open.example.be", "Authorization: DPoP "+token+"\r\nDPoP: x\r\n") + "\r\n",
		"of another issuer":      head("GET", "/a", "open.example.be", "Authorization: DPoP a.b.c\r\n") + "\r\n",
		"with a tab":             head("GET", "/a", "open.example.be", "Authorization: dpop\t"+token+"\r\n") + "\r\n",
		"behind a blank":         head("GET", "/a", "open.example.be", "Authorization: \u00a0DPoP "+token+"\r\n") + "\r\n",
		"behind another":         head("GET", "/a", "open.example.be", "Authorization: Basic x, DPoP "+token+"\r\n") + "\r\n",
		"in Connection":          head("GET", "/a", appHost, e.bearer(nil), "Connection: DPoP, x\r\n") + "\r\n",
		"in the trailers": head("POST", "/a", appHost, e.bearer(nil), "Transfer-Encoding: chunked\r\nTrailer: DPoP\r\n") +
			"\r\n1\r\nx\r\n0\r\nDPoP: x\r\n\r\n",
	} {
		answer := e.send(request)
		got := e.upstream.Take()
		if len(got) != 1 || anyProof.MatchString(got[0]) {
			t.Errorf("%s: %d %q, the upstream gets %q", name, answer.Status, answer.Body, got)
		}
	}
}

// TestDPoPNeverFallsBackToTheCookie: a client names the scheme DPoP, with another user's cookie beside it. What does not
// pass as a DPoP credential passes as nothing.
func TestDPoPNeverFallsBackToTheCookie(t *testing.T) {
	e := newAppEnv(t, keySites)
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	cookie := e.cookie(nil)
	for _, value := range []string{
		"DPoP", "dpop", "DPoP ", "DPoP x", "DPoP " + token, "DPOP\t" + token, "DPoP:" + token, `DPoP "` + token + `"`, "DPoP,Bearer x", "\u00a0DPoP x", "DPoP=x",
	} {
		answer := e.ask("GET", "/a", cookie, "Authorization: "+value+"\r\n")
		if got := e.upstream.Take(); answer.Status != http.StatusUnauthorized || len(got) > 0 {
			t.Errorf("%q: %d, the upstream gets %q", value, answer.Status, got)
		}
	}
	proof := key.Sign(t, dpoptest.Proof{Method: "GET", URL: "http://app.example.be/a", Token: token})
	unbound := e.access(appURL, person)
	for name, lines := range map[string]string{
		"two proofs":                 "Authorization: DPoP " + token + "\r\nDPoP: " + proof + "\r\nDPoP: " + proof + "\r\n",
		"two proofs in one line":     "Authorization: DPoP " + token + "\r\nDPoP: " + proof + ", " + proof + "\r\n",
		"a bound token as Bearer":    "Authorization: Bearer " + token + "\r\nDPoP: " + proof + "\r\n",
		"an unbound token as DPoP":   e.proven(key, unbound, "GET", "http://app.example.be/a"),
		"a proof of more than 4 KiB": "Authorization: DPoP " + token + "\r\nDPoP: " + proof + strings.Repeat("x", 4<<10) + "\r\n",
	} {
		for range 2 { // the second time the token is kept
			if answer := e.ask("GET", "/a", cookie, lines); answer.Status != http.StatusUnauthorized || len(e.upstream.Take()) > 0 {
				t.Errorf("%s: %d %q", name, answer.Status, answer.Body)
			}
		}
	}
	if answer := e.ask("GET", "/a", "Authorization: DPoP "+token+"\r\nDPoP: "+proof+"\r\n"); answer.Status != http.StatusOK {
		t.Errorf("none of these uses the proof up: %d %q", answer.Status, answer.Body)
	}
}

// TestUpstreamsNonceIsDropped: an upstream sends a nonce of its own, which the gateway would not accept. Or it makes
// clients believe that the gateway asked for one.
func TestUpstreamsNonceIsDropped(t *testing.T) {
	e := newAppEnv(t, keySites)
	for name, request := range map[string]string{
		"outside of the matcher": head("GET", "/a", "nonce.example.be") + "\r\n",
		"with a login":           head("GET", "/private/a", "nonce.example.be", e.bearer(nil)) + "\r\n",
	} {
		answer := e.send(request)
		if answer.Status != http.StatusOK || answer.Header.Get("DPoP-Nonce") != "" {
			t.Errorf("%s: %d with the nonce %q", name, answer.Status, answer.Header.Get("DPoP-Nonce"))
		}
	}
}

// TestVerifyChecksTheRequestThatTheProxyDescribes: a proxy asks about a request with a proof. Of the four headers all
// count or none: a client could add what the proxy leaves out.
func TestVerifyChecksTheRequestThatTheProxyDescribes(t *testing.T) {
	e := newAppEnv(t, keySites, "verify 127.0.0.0/8")
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	const method, proto, host, uri = "X-Forwarded-Method: PUT\r\n", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Host: app.example.be\r\n", "X-Forwarded-Uri: /a?x=1\r\n"
	for _, row := range []struct {
		target, lines, method, url string
		want                       bool
	}{
		{"/itsme/verify", method + proto + host + uri, "PUT", "https://app.example.be/a", true},
		{"/itsme/verify/other", method + proto + host + uri, "PUT", "https://app.example.be/a", true},
		{"/itsme/verify", method + proto + host + uri, "GET", "https://app.example.be/a", false},
		{"/itsme/verify", method + proto + host + uri, "PUT", "https://app.example.be/other", false},
		{"/itsme/verify", method + proto + "X-Forwarded-Host: evil.example\r\n" + uri, "PUT", "https://evil.example/a", false},
		{"/itsme/verify", proto + host + uri, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + host + uri, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + proto + uri, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + proto + host, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + method + proto + host + uri, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + proto + host + uri + uri, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + method + proto + host, "PUT", "https://app.example.be/a", false},
		{"/itsme/verify", method + proto + host + "X-Forwarded-Uri: a\r\n", "PUT", "https://app.example.bea", false},
		{"/itsme/verify/a?x=1", "", "GET", "https://app.example.be/a", true},
		{"/itsme/verify", "", "GET", "https://app.example.be/", true},
		{"/itsme/verify/a", "", "GET", "https://app.example.be/itsme/verify/a", false},
		{"/itsme/verify/a", uri, "GET", "https://app.example.be/a", false},
	} {
		answer := e.ask("GET", row.target, row.lines, e.proven(key, token, row.method, row.url))
		if passed := answer.Status == http.StatusOK; passed != row.want || !row.want && answer.Status != http.StatusUnauthorized {
			t.Errorf("%s with %q: a proof for %s %s: %d %q", row.target, row.lines, row.method, row.url, answer.Status, answer.Body)
		}
		if row.want && (!strings.Contains(answer.Raw, "\r\nDpop: \r\n") || strings.Contains(answer.Raw, token)) {
			t.Errorf("%s: the proxy gets %q", row.target, answer.Raw)
		}
	}
	if answer := e.ask("GET", "/itsme/verify", proto, e.bearer(nil)); answer.Status != http.StatusOK {
		t.Errorf("a bearer token with some of the headers: %d", answer.Status)
	}
}

// TestEndpointURLIsThatOfTheMetadata: a proof for /userinfo under another host is not one for the gateway's, although the
// gateway serves its endpoints there too.
func TestEndpointURLIsThatOfTheMetadata(t *testing.T) {
	e := newAppEnv(t, keySites)
	key := dpoptest.NewKey(t)
	token := e.boundToken(key)
	for url, want := range map[string]int{
		"https://app.example.be/itsme/userinfo": http.StatusOK, "http://named.example.be/itsme/userinfo": http.StatusUnauthorized,
	} {
		answer := e.send(head("GET", "/itsme/userinfo", "named.example.be", e.proven(key, token, "GET", url)) + "\r\n")
		if answer.Status != want {
			t.Errorf("a proof for %s: %d %q", url, answer.Status, answer.Body)
		}
	}
}
