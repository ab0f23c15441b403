package attack_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// headerSites have every way in which a request reaches an upstream through itsme. X-User-Id is a header of the site.
// X-User-Name is a header that only a second itsme adds. FORWARD stands for the value of forward_token.
const headerSites = `
http://app.example.be:65000 {
	rewrite /old/* /new{uri}
	itsme {
		public /public/*
		header X-User-Id sub
		forward_token FORWARD
	}
	error /broken/* 500
	handle /second/* {
		itsme {
			header X-User-Name name
			forward_token FORWARD
		}
		reverse_proxy UPSTREAM
	}
	handle /third/* {
		itsme /third/private/* {
			forward_token FORWARD
		}
		reverse_proxy UPSTREAM
	}
	handle_path /prefix/* {
		reverse_proxy UPSTREAM
	}
	reverse_proxy UPSTREAM
	handle_errors {
		reverse_proxy UPSTREAM
	}
}
http://optional.example.be:65000 {
	itsme {
		optional
		header X-User-Id sub
		forward_token FORWARD
	}
	reverse_proxy UPSTREAM
}
http://outside.example.be:65000 {
	itsme /private/* {
		header X-User-Id sub
		forward_token FORWARD
	}
	reverse_proxy UPSTREAM
}
http://early.example.be:65000 {
	route {
		error 500
		itsme
	}
	handle_errors {
		itsme {
			header X-User-Id sub
			forward_token FORWARD
		}
		reverse_proxy UPSTREAM
	}
}
http://preflight.example.be:65000 {
	itsme {
		cors_preflight
		header X-User-Id sub
		forward_token FORWARD
	}
	reverse_proxy UPSTREAM
}`

// honestRequest is a request without an attack. The attacker adds to it.
type honestRequest struct {
	name         string
	method, path string
	host         string // default: appHost
	lines        string
	status       int      // default: 200
	want         []string // the identity lines that the upstream gets
	silent       bool     // no request reaches the upstream
	bare         bool     // cannot have a body
}

func (h honestRequest) answered() int {
	if h.status == 0 {
		return http.StatusOK
	}
	return h.status
}

// identityLinesOf returns the identity lines that the upstream must get, whatever the client sends.
func identityLinesOf(more ...string) []string {
	lines := append([]string{"X-Itsme-Acr: high", "X-Itsme-Auth-Time: 1700000000", "X-Itsme-Subject: " + person, "X-User-Id: " + person}, more...)
	slices.Sort(lines)
	return lines
}

// withoutUserID returns the lines behind a second site, which leaves no header of the first.
func withoutUserID(more ...string) []string {
	return slices.DeleteFunc(identityLinesOf(more...), func(line string) bool { return strings.HasPrefix(line, "X-User-Id: ") })
}

func (e *env) honestRequests(tokenLine string) []honestRequest {
	anonymous := e.bearer(nil)
	known := map[string]any{"name": "Jan", "nin": map[string]any{"value": "85073003328"}}
	withToken := identityLinesOf(tokenLine)
	withCookie := identityLinesOf(tokenLine, "X-Itsme-Name: Jan", "X-Itsme-Nin: 85073003328")
	own := "Origin: " + appURL + "\r\n"
	return []honestRequest{
		{name: "protected, with a token", path: "/", lines: anonymous, want: withToken},
		{name: "protected, with a cookie", path: "/", lines: e.cookie(known), want: withCookie},
		{name: "protected, with nothing", path: "/", status: http.StatusUnauthorized, silent: true},
		{name: "public", path: "/public/x"},
		{name: "public, with a token", path: "/public/x", lines: anonymous},
		{name: "optional, with nothing", host: "optional.example.be", path: "/"},
		{name: "optional, with a token", host: "optional.example.be", path: "/", lines: anonymous, want: withToken},
		{name: "outside the matcher", host: "outside.example.be", path: "/open"},
		{name: "outside the matcher, with a cookie", host: "outside.example.be", path: "/open", lines: e.cookie(known)},
		{name: "own endpoint", path: "/itsme/jwks.json", silent: true},
		{name: "OPTIONS", method: http.MethodOptions, path: "/", lines: anonymous, want: withToken},
		{name: "CORS preflight", host: "preflight.example.be", method: http.MethodOptions, path: "/", bare: true, lines: own + "Access-Control-Request-Method: PUT\r\n"},
		{name: "handle_errors", path: "/broken/x", lines: anonymous, want: withToken},
		{name: "itsme in handle_errors, after an error before itsme", host: "early.example.be", path: "/", lines: anonymous, want: withToken},
		{name: "handle_path", path: "/prefix/x", lines: anonymous, want: withToken},
		{name: "rewrite", path: "/old/x", lines: anonymous, want: withToken},
		{name: "second itsme", path: "/second/x", lines: e.bearer(known), want: withoutUserID(tokenLine, "X-Itsme-Name: Jan", "X-Itsme-Nin: 85073003328", "X-User-Name: Jan")},
		{name: "second itsme, claim absent", path: "/second/x", lines: anonymous, want: withoutUserID(tokenLine)},
		{name: "second itsme that does not match", path: "/third/open", lines: anonymous, want: withToken},
		{name: "WebSocket, with a token", path: "/", bare: true, lines: upgrade + anonymous, status: http.StatusSwitchingProtocols, want: withToken},
		{name: "WebSocket, with a cookie", path: "/", bare: true, lines: upgrade + own + e.cookie(known), status: http.StatusSwitchingProtocols, want: withCookie},
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// TestClientCannotSupplyIdentityHeader has a client write a header from which an upstream reads the user, in
// every spelling and place that some server understands. The attacker becomes any user. With the name of the
// header in Connection the attacker deletes the true identity, and passes where an upstream trusts requests
// without one.
func TestClientCannotSupplyIdentityHeader(t *testing.T) {
	for _, forward := range []struct{ directive, header, tokenLine string }{
		{"authorization", "Authorization", "Authorization: Bearer <ours>"},
		{"X-Access-Token", "X-Access-Token", "X-Access-Token: <ours>"},
	} {
		t.Run("forward_token "+forward.directive, func(t *testing.T) {
			e := newAppEnv(t, strings.ReplaceAll(headerSites, "FORWARD", forward.directive))
			for _, h := range e.honestRequests(forward.tokenLine) {
				t.Run(h.name, func(t *testing.T) {
					e.wantHonest(t, h)
					for _, header := range []string{"X-Itsme-Subject", "X-Itsme-Nin", "X-User-Id", "X-User-Name", forward.header} {
						for _, attack := range forgeries() {
							e.attack(t, h, attack, header)
						}
					}
				})
			}
		})
	}
}

// wantHonest checks that the request works without an attack.
func (e *env) wantHonest(t *testing.T, h honestRequest) {
	t.Helper()
	answer, received := e.request(h, "", "")
	if want := h.answered(); answer.Status != want {
		t.Fatalf("the honest request: %d %s, want %d", answer.Status, answer.Body, want)
	}
	if want := map[bool]int{true: 0, false: 1}[h.silent]; len(received) != want {
		t.Fatalf("the upstream got %q", received)
	}
	if len(received) == 1 {
		if diff := cmp.Diff(h.want, e.identityLines(received[0])); diff != "" {
			t.Fatalf("the identity lines at the upstream differ (-want +got):\n%s", diff)
		}
	}
}

func (e *env) attack(t *testing.T, h honestRequest, attack forgery, header string) {
	t.Helper()
	var body string
	if attack.body != nil {
		if h.bare {
			return
		}
		body = attack.body(header)
	}
	name := attack.name + " " + header
	answer, received := e.request(h, attack.lines(header), body)
	// The gateway may refuse a second Authorization line, or one that is no token. It answers every other request as
	// if the attacker had added nothing.
	if header != "Authorization" && answer.Status != h.answered() {
		t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
	}
	if len(received) > 1 || (h.silent && len(received) > 0) {
		t.Errorf("%s: the upstream got %q", name, received)
	}
	for _, request := range received {
		if diff := cmp.Diff(h.want, e.identityLines(request)); diff != "" || strings.Contains(request, forged) {
			t.Errorf("%s: the identity lines at the upstream differ (-want +got):\n%s\nof %q", name, diff, request)
		}
	}
}

// request sends an honest request with more lines and a body, and returns what reached the upstream.
func (e *env) request(h honestRequest, lines, body string) (rawhttptest.Answer, []string) {
	e.t.Helper()
	method, host := h.method, h.host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = appHost
	}
	answer := e.send(head(method, h.path, host, h.lines, lines) + "\r\n" + body)
	return answer, e.upstream.Take()
}

// ours matches every name that some server reads as an identity header.
var ours = regexp.MustCompile(`(?i)(^|[\s,])(x[^a-z0-9]itsme[^a-z0-9]\S*|x[^a-z0-9]user[^a-z0-9](id|name)|x[^a-z0-9]access[^a-z0-9]token|authorization)`)

// identityLines returns the lines of a request, in its head or its trailers, that hold or announce an identity
// header. A valid token of the gateway is replaced with <ours>.
func (e *env) identityLines(request string) (lines []string) {
	for line := range strings.Lines(request) {
		line = strings.TrimRight(line, "\r\n")
		name, value, found := strings.Cut(line, ":")
		names := name
		if strings.EqualFold(name, "Trailer") || strings.EqualFold(name, "Connection") {
			names = value
		}
		if !found || !ours.MatchString(names) || otherScheme(name, value) {
			continue
		}
		if i := strings.LastIndex(line, " ") + 1; i > 0 {
			if claims, err := e.authority.VerifyMinted(line[i:]); err == nil && claims.Subject == person {
				line = line[:i] + "<ours>"
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// otherScheme reports whether a line is an Authorization with another scheme than Bearer. Those belong to the
// upstream.
func otherScheme(name, value string) bool {
	return strings.EqualFold(name, "Authorization") && !strings.Contains(strings.ToLower(value), "bearer")
}
