package attack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// requireSites have every requirement that the tokens of these tests do not meet: their users logged in years ago.
const requireSites = `
http://app.example.be:65000 {
	itsme {
		public /public/*
		require max_age 15m
		header X-User-Id sub
	}
	reverse_proxy UPSTREAM
	handle_errors {
		reverse_proxy UPSTREAM
	}
}
http://optional.example.be:65000 {
	itsme {
		optional
		require max_age 15m
	}
	reverse_proxy UPSTREAM
}
http://second.example.be:65000 {
	itsme {
		require loa low
	}
	handle /private/* {
		itsme {
			require claim sub another-user
		}
		reverse_proxy UPSTREAM
	}
	reverse_proxy UPSTREAM
}
http://preflight.example.be:65000 {
	itsme {
		cors_preflight
		require claim name Jan
	}
	reverse_proxy UPSTREAM
}`

// TestRequirementsCannotBeTalkedAway has a client with a valid but insufficient login add every header,
// parameter and cookie that could pass for a better one. The gateway reads requirements from the token alone,
// at every request.
func TestRequirementsCannotBeTalkedAway(t *testing.T) {
	e := newAppEnv(t, requireSites)
	old := e.bearer(nil)
	for _, place := range []struct {
		name, host, path string
		status           int
	}{
		{"a login that is too old", appHost, "/", 401},
		{"the same where a login is optional", "optional.example.be", "/", 401},
		{"a claim that only the second itsme asks for", "second.example.be", "/private/x", 403},
		{"a claim that the user does not have", "preflight.example.be", "/", 403},
	} {
		for _, credential := range []string{old, e.cookie(nil)} {
			for _, lines := range []string{
				"", "X-Itsme-Auth-Time: 9999999999\r\n", "X_Itsme_Acr: high\r\n", "Auth-Time: " + time.Now().String() + "\r\n",
				"X-Forwarded-Uri: /public/x\r\nX-Original-URL: /public/x\r\nX-Rewrite-URL: /public/x\r\n", "X-HTTP-Method-Override: OPTIONS\r\n",
				"Cookie: auth_time=" + time.Now().String() + "\r\n", "Accept: application/json\r\nX-Requested-With: XMLHttpRequest\r\n",
			} {
				for _, target := range []string{place.path, place.path + "?max_age=99999999&acr_values=low&prompt=none", place.path + "?acr=high&auth_time=9999999999"} {
					for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "PURGE"} {
						answer := e.send(head(method, target, place.host, credential, lines, "Origin: "+appURL+"\r\n") + "\r\n")
						if got := e.upstream.Take(); answer.Status != place.status || len(got) > 0 {
							t.Errorf("%s, %s %s with %q: %d, the upstream got %q", place.name, method, target, lines, answer.Status, got)
						}
					}
				}
			}
		}
	}
	if answer := e.send(head("GET", "/", "second.example.be", old) + "\r\n"); answer.Status != http.StatusOK {
		t.Errorf("a login that is enough: %d; this test proves nothing", answer.Status)
	}
}

// TestRequiredClaimIsComparedLetterForLetter gives users names that a careless comparison confuses with the
// required one.
func TestRequiredClaimIsComparedLetterForLetter(t *testing.T) {
	e := newAppEnv(t, `
http://app.example.be:65000 {
	itsme {
		require claim name Jan
	}
	reverse_proxy UPSTREAM
}`)
	for _, name := range []any{"jan", "Jan ", " Jan", "Jan,Piet", "J\u0430n", "Jan\u0000", "", map[string]any{"value": "jan"}, true} {
		answer := e.ask("GET", "/", e.bearer(map[string]any{"name": name}))
		if got := e.upstream.Take(); answer.Status != http.StatusForbidden || len(got) > 0 {
			t.Errorf("%q passes for Jan: %d, the upstream got %q", name, answer.Status, got)
		}
	}
	if answer := e.ask("GET", "/", e.bearer(map[string]any{"name": "Jan"})); answer.Status != http.StatusOK {
		t.Errorf("Jan: %d", answer.Status)
	}
}

const verifySites = `
http://app.example.be:65000 {
	itsme {
		public  /public/*
		require loa substantial
		header  X-User-Id sub
	}
	reverse_proxy UPSTREAM
}
http://open.example.be:65000 {
	itsme /private/* {
		optional
		header X-User-Name name
	}
	reverse_proxy UPSTREAM
}`

// TestOnlyPeersAreTold has a client that is not on the list of verify ask /verify, with a listed address in
// every header that some proxy trusts. The answer would turn a cookie that no script can read into a token for
// every service.
func TestOnlyPeersAreTold(t *testing.T) {
	e := newAppEnv(t, verifySites, "verify 192.0.2.1 10.0.0.0/8 ::1")
	nowhere := e.ask("GET", "/itsme/nosuch", e.bearer(nil))
	for _, lines := range []string{
		"", "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\nX-Real-IP: 10.0.0.1\r\n", "Forwarded: for=192.0.2.1;by=10.0.0.1\r\n",
		"X-Client-IP: 192.0.2.1\r\nTrue-Client-IP: 192.0.2.1\r\nCF-Connecting-IP: 192.0.2.1\r\n", "X-Itsme-Peer: 192.0.2.1\r\n",
	} {
		for _, target := range []string{"/itsme/verify", "/itsme/verify/", "/itsme/verify/public/x"} {
			answer := e.ask("GET", target, e.bearer(nil), lines)
			if answer.Status != http.StatusNotFound || answer.Body != nowhere.Body || strings.Contains(answer.Raw, person) {
				t.Errorf("%s with %q: %q, want the answer of an unknown path, %q", target, lines, answer.Raw, nowhere.Raw)
			}
		}
	}
	if got := e.upstream.Take(); len(got) > 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestPeerOfVerifyIsNoTrustedClient asks /verify through a load balancer that Caddy trusts, for a client whose
// address is on the list of verify. The list names proxies that connect directly. A client behind the
// balancer, or a script in its browser, would get a token for its cookie.
func TestPeerOfVerifyIsNoTrustedClient(t *testing.T) {
	e := newAppEnv(t, verifySites+"\nhttp://who.example.be:"+appPort+" {\nrespond {client_ip}\n}",
		"verify 192.0.2.0/24\n}\nservers :"+appPort+" {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict")
	const forwarded = "X-Forwarded-For: 192.0.2.1\r\n"
	if answer := e.send(head("GET", "/", "who.example.be", forwarded) + "\r\n"); answer.Body != "192.0.2.1" {
		t.Fatalf("Caddy takes the client for %q", answer.Body)
	}
	for _, target := range []string{"/itsme/verify", "/itsme/verify/x"} {
		for _, login := range []string{e.bearer(nil), e.cookie(nil)} {
			if answer := e.ask("GET", target, login, forwarded); answer.Status != http.StatusNotFound || strings.Contains(answer.Raw, person) {
				t.Errorf("%s: %q", target, answer.Raw)
			}
		}
	}
}

// TestVerifyDecidesOnTheCredentialAlone asks /verify as a proxy does, with header lines of a client that could
// exempt its request: a public path, a host where a login is optional, another method.
func TestVerifyDecidesOnTheCredentialAlone(t *testing.T) {
	e := newAppEnv(t, verifySites, "verify 127.0.0.0/8")
	low, _, err := e.authority.IssueAccess(token.Claims{Subject: person, ACR: "low", AuthTime: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range []string{
		"", "X-Forwarded-Uri: /public/x\r\nX-Forwarded-Method: OPTIONS\r\nX-Forwarded-Host: open.example.be\r\n",
		"X-Original-URL: /public/x\r\nX-Original-URI: /public/x\r\nX-Auth-Request-Redirect: /public/x\r\n",
		"Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n", "X-Itsme-Subject: forged\r\nX_User_Id: forged\r\n", navigation,
	} {
		for _, target := range []string{"/itsme/verify", "/itsme/verify/public/x", "/itsme/verify/../public/x", "/itsme/verify?x=/public/x"} {
			for _, method := range []string{"GET", "OPTIONS", "POST"} {
				anonymous := e.ask(method, target, lines)
				if anonymous.Status != http.StatusUnauthorized || strings.Contains(anonymous.Raw, "forged") || anonymous.Header.Get("Location") != "" {
					t.Errorf("%s %s with %q: %q", method, target, lines, anonymous.Raw)
				}
				if answer := e.ask(method, target, lines, "Authorization: Bearer "+low+"\r\n"); answer.Status != http.StatusUnauthorized {
					t.Errorf("%s %s with %q, not enough: %q", method, target, lines, answer.Raw)
				}
				enough := e.ask(method, target, lines, e.bearer(nil))
				if enough.Status != http.StatusOK || strings.Contains(enough.Raw, "forged") || !strings.Contains(enough.Raw, "\r\nX-User-Id: "+person+"\r\n") {
					t.Errorf("%s %s with %q, enough: %q", method, target, lines, enough.Raw)
				}
				// The extra header of the other site belongs to the gateway, too. A proxy has to clear it.
				if !strings.Contains(enough.Raw, "\r\nX-User-Name: \r\n") || !strings.Contains(enough.Raw, "\r\nX-Itsme-Nin: \r\n") {
					t.Errorf("%s %s with %q: a header is not cleared: %q", method, target, lines, enough.Raw)
				}
			}
		}
	}
	if got := e.upstream.Take(); len(got) > 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestVerifyIsBounded has a proxy pass on requests by which clients make the gateway work: long headers, and a
// body that never arrives.
func TestVerifyIsBounded(t *testing.T) {
	e := newAppEnv(t, verifySites, "verify 127.0.0.0/8")
	long := strings.Repeat("x", 8<<10)
	for name, lines := range map[string]string{
		"a long token":      "Authorization: Bearer " + long + "\r\n",
		"a long cookie":     "Cookie: " + sessionCookie + "=" + long + "\r\n",
		"many cookies":      "Cookie: " + strings.Repeat(sessionCookie+"=x; ", 512) + "\r\n",
		"another long line": "X-Itsme-Subject: " + long + "\r\n",
	} {
		if answer := e.ask("GET", "/itsme/verify", lines); answer.Status != http.StatusUnauthorized || len(answer.Raw) > 2<<10 {
			t.Errorf("%s: %d, %d bytes", name, answer.Status, len(answer.Raw))
		}
		if answer := e.ask("GET", "/itsme/verify", strings.Repeat(lines, 8)); answer.Status == http.StatusOK || len(answer.Raw) > 2<<10 {
			t.Errorf("eight times %s: %d, %d bytes", name, answer.Status, len(answer.Raw))
		}
	}
	answer := e.ask("POST", "/itsme/verify", e.bearer(nil), "Connection: close\r\nContent-Length: 1000000000\r\n")
	if answer.Status != http.StatusOK {
		t.Errorf("a body that never arrives: %d %s", answer.Status, answer.Body)
	}
}
