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

// headerSites are every way in which a request reaches an upstream through itsme. X-User-Id is a
// site's own header, X-User-Name one that only a second itsme adds; FORWARD is forward_token.
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

// place is an honest request that an attacker adds to.
type place struct {
	name         string
	method, path string
	host         string // default: the fort's
	lines        string
	status       int      // default: 200
	want         []string // the identity that the upstream is told of; nil: nobody's
	silent       bool     // no upstream behind it
	bare         bool     // takes no body
}

func (p place) answered() int {
	if p.status == 0 {
		return http.StatusOK
	}
	return p.status
}

// identity is what the upstream is told of the person, whatever else the client sends.
func identity(more ...string) []string {
	lines := append([]string{"X-Itsme-Acr: high", "X-Itsme-Auth-Time: 1700000000", "X-Itsme-Subject: " + person, "X-User-Id: " + person}, more...)
	slices.Sort(lines)
	return lines
}

func (f *fort) places(tokenLine string) []place {
	anonymous := f.bearer(nil)
	known := map[string]any{"name": "Jan", "nin": map[string]any{"value": "85073003328"}}
	withToken := identity(tokenLine)
	withCookie := identity(tokenLine, "X-Itsme-Name: Jan", "X-Itsme-Nin: 85073003328")
	own := "Origin: " + fortURL + "\r\n"
	return []place{
		{name: "protected, with a token", path: "/", lines: anonymous, want: withToken},
		{name: "protected, with a cookie", path: "/", lines: f.cookie(known), want: withCookie},
		{name: "protected, with nothing", path: "/", status: http.StatusUnauthorized, silent: true},
		{name: "public", path: "/public/x"},
		{name: "public, with a token", path: "/public/x", lines: anonymous},
		{name: "optional, with nothing", host: "optional.example.be", path: "/"},
		{name: "optional, with a token", host: "optional.example.be", path: "/", lines: anonymous, want: withToken},
		{name: "outside the matcher", host: "outside.example.be", path: "/open"},
		{name: "outside the matcher, with a cookie", host: "outside.example.be", path: "/open", lines: f.cookie(known)},
		{name: "own endpoint", path: "/itsme/jwks.json", silent: true},
		{name: "OPTIONS", method: http.MethodOptions, path: "/", lines: anonymous, want: withToken},
		{name: "CORS preflight", host: "preflight.example.be", method: http.MethodOptions, path: "/", bare: true, lines: own + "Access-Control-Request-Method: PUT\r\n"},
		{name: "handle_errors", path: "/broken/x", lines: anonymous, want: withToken},
		{name: "itsme in handle_errors, after an error before itsme", host: "early.example.be", path: "/", lines: anonymous, want: withToken},
		{name: "handle_path", path: "/prefix/x", lines: anonymous, want: withToken},
		{name: "rewrite", path: "/old/x", lines: anonymous, want: withToken},
		{name: "second itsme", path: "/second/x", lines: f.bearer(known), want: identity(tokenLine, "X-Itsme-Name: Jan", "X-Itsme-Nin: 85073003328", "X-User-Name: Jan")},
		{name: "second itsme, claim absent", path: "/second/x", lines: anonymous, want: withToken},
		{name: "second itsme that does not match", path: "/third/open", lines: anonymous, want: withToken},
		{name: "WebSocket, with a token", path: "/", bare: true, lines: upgrade + anonymous, status: http.StatusSwitchingProtocols, want: withToken},
		{name: "WebSocket, with a cookie", path: "/", bare: true, lines: upgrade + own + f.cookie(known), status: http.StatusSwitchingProtocols, want: withCookie},
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// TestClientCannotSupplyIdentityHeader has any client write a header from which an upstream reads
// who calls, in every way that one server or another understands, to every kind of place. It would
// be whoever it likes; and with the header's name in Connection it would be nobody, where an
// upstream takes nobody for itself.
func TestClientCannotSupplyIdentityHeader(t *testing.T) {
	for _, forward := range []struct{ directive, header, tokenLine string }{
		{"authorization", "Authorization", "Authorization: Bearer <ours>"},
		{"X-Access-Token", "X-Access-Token", "X-Access-Token: <ours>"},
	} {
		t.Run("forward_token "+forward.directive, func(t *testing.T) {
			f := build(t, strings.ReplaceAll(headerSites, "FORWARD", forward.directive))
			for _, p := range f.places(forward.tokenLine) {
				t.Run(p.name, func(t *testing.T) {
					f.honest(t, p)
					for _, header := range []string{"X-Itsme-Subject", "X-Itsme-Nin", "X-User-Id", "X-User-Name", forward.header} {
						for _, attack := range forgeries() {
							f.attack(t, p, attack, header)
						}
					}
				})
			}
		})
	}
}

// honest checks that the place works without an attack.
func (f *fort) honest(t *testing.T, p place) {
	t.Helper()
	answer, received := f.through(p, "", "")
	if want := p.answered(); answer.Status != want {
		t.Fatalf("the honest request: %d %s, want %d", answer.Status, answer.Body, want)
	}
	if want := map[bool]int{true: 0, false: 1}[p.silent]; len(received) != want {
		t.Fatalf("the upstream got %q", received)
	}
	if len(received) == 1 {
		if diff := cmp.Diff(p.want, f.identityLines(received[0])); diff != "" {
			t.Fatalf("what the upstream is told (-want +got):\n%s", diff)
		}
	}
}

func (f *fort) attack(t *testing.T, p place, attack forgery, header string) {
	t.Helper()
	var body string
	if attack.body != nil {
		if p.bare {
			return
		}
		body = attack.body(header)
	}
	name := attack.name + " " + header
	answer, received := f.through(p, attack.lines(header), body)
	// A second Authorization line, or one that is no token, may be refused; any other request
	// is answered as if the attacker had written nothing.
	if header != "Authorization" && answer.Status != p.answered() {
		t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
	}
	if len(received) > 1 || (p.silent && len(received) > 0) {
		t.Errorf("%s: the upstream got %q", name, received)
	}
	for _, request := range received {
		if diff := cmp.Diff(p.want, f.identityLines(request)); diff != "" || strings.Contains(request, forged) {
			t.Errorf("%s: what the upstream is told (-want +got):\n%s\nof %q", name, diff, request)
		}
	}
}

// through sends a place's request with more lines and a body, and returns what reached the upstream.
func (f *fort) through(p place, lines, body string) (rawhttptest.Answer, []string) {
	f.t.Helper()
	method, host := p.method, p.host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = fortHost
	}
	answer := f.send(head(method, p.path, host, p.lines, lines) + "\r\n" + body)
	return answer, f.upstream.Take()
}

// ours matches every name that some server takes for one from which identity is read.
var ours = regexp.MustCompile(`(?i)(^|[\s,])(x[^a-z0-9]itsme[^a-z0-9]\S*|x[^a-z0-9]user[^a-z0-9](id|name)|x[^a-z0-9]access[^a-z0-9]token|authorization)`)

// identityLines are the lines of a request, in its head or its trailers, that name an identity
// header, or that announce one. A token of the fort's own stands there as <ours>.
func (f *fort) identityLines(request string) (lines []string) {
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
			if claims, err := f.authority.VerifyAccess(line[i:]); err == nil && claims.Subject == person {
				line = line[:i] + "<ours>"
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// otherScheme reports whether a line is an Authorization that is no bearer token: those are the
// business of an upstream's own.
func otherScheme(name, value string) bool {
	return strings.EqualFold(name, "Authorization") && !strings.Contains(strings.ToLower(value), "bearer")
}
