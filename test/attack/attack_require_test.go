package attack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// requireSites require, in every way that a site can, what the fort's own tokens do not have: its
// persons logged in years ago.
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
			require claim sub somebody-else
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

// TestRequirementsCannotBeTalkedAway has somebody with a valid login that is not enough add whatever
// may pass for one that is: what is required is read from the token alone, at every request.
func TestRequirementsCannotBeTalkedAway(t *testing.T) {
	f := build(t, requireSites)
	old := f.bearer(nil)
	for _, place := range []struct {
		name, host, path string
		status           int
	}{
		{"a login that is too old", fortHost, "/", 401},
		{"the same where anybody may come", "optional.example.be", "/", 401},
		{"a claim that only the second itsme asks for", "second.example.be", "/private/x", 403},
		{"a claim that the person does not have", "preflight.example.be", "/", 403},
	} {
		for _, credential := range []string{old, f.cookie(nil)} {
			for _, lines := range []string{
				"", "X-Itsme-Auth-Time: 9999999999\r\n", "X_Itsme_Acr: high\r\n", "Auth-Time: " + time.Now().String() + "\r\n",
				"X-Forwarded-Uri: /public/x\r\nX-Original-URL: /public/x\r\nX-Rewrite-URL: /public/x\r\n", "X-HTTP-Method-Override: OPTIONS\r\n",
				"Cookie: auth_time=" + time.Now().String() + "\r\n", "Accept: application/json\r\nX-Requested-With: XMLHttpRequest\r\n",
			} {
				for _, target := range []string{place.path, place.path + "?max_age=99999999&acr_values=low&prompt=none", place.path + "?acr=high&auth_time=9999999999"} {
					for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "PURGE"} {
						answer := f.send(head(method, target, place.host, credential, lines, "Origin: "+fortURL+"\r\n") + "\r\n")
						if got := f.upstream.Take(); answer.Status != place.status || len(got) > 0 {
							t.Errorf("%s, %s %s with %q: %d, the upstream got %q", place.name, method, target, lines, answer.Status, got)
						}
					}
				}
			}
		}
	}
	if answer := f.send(head("GET", "/", "second.example.be", old) + "\r\n"); answer.Status != http.StatusOK {
		t.Errorf("a login that is enough: %d; this test proves nothing", answer.Status)
	}
}

// TestRequiredClaimIsComparedLetterForLetter gives people names that a careless comparison takes for
// the required one.
func TestRequiredClaimIsComparedLetterForLetter(t *testing.T) {
	f := build(t, `
http://app.example.be:65000 {
	itsme {
		require claim name Jan
	}
	reverse_proxy UPSTREAM
}`)
	for _, name := range []any{"jan", "Jan ", " Jan", "Jan,Piet", "J\u0430n", "Jan\u0000", "", map[string]any{"value": "jan"}, true} {
		answer := f.ask("GET", "/", f.bearer(map[string]any{"name": name}))
		if got := f.upstream.Take(); answer.Status != http.StatusForbidden || len(got) > 0 {
			t.Errorf("%q passes for Jan: %d, the upstream got %q", name, answer.Status, got)
		}
	}
	if answer := f.ask("GET", "/", f.bearer(map[string]any{"name": "Jan"})); answer.Status != http.StatusOK {
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

// TestOnlyPeersAreTold asks /verify from an address that is not on its list, and names one that is in
// every header that some proxy believes. The answer would turn a cookie that no script can read into
// a token for every service.
func TestOnlyPeersAreTold(t *testing.T) {
	f := buildWith(t, "verify 192.0.2.1 10.0.0.0/8 ::1", verifySites)
	nowhere := f.ask("GET", "/itsme/nosuch", f.bearer(nil))
	for _, lines := range []string{
		"", "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 10.0.0.1, 192.0.2.1\r\nX-Real-IP: 10.0.0.1\r\n", "Forwarded: for=192.0.2.1;by=10.0.0.1\r\n",
		"X-Client-IP: 192.0.2.1\r\nTrue-Client-IP: 192.0.2.1\r\nCF-Connecting-IP: 192.0.2.1\r\n", "X-Itsme-Peer: 192.0.2.1\r\n",
	} {
		for _, target := range []string{"/itsme/verify", "/itsme/verify/", "/itsme/verify/public/x"} {
			answer := f.ask("GET", target, f.bearer(nil), lines)
			if answer.Status != http.StatusNotFound || answer.Body != nowhere.Body || strings.Contains(answer.Raw, person) {
				t.Errorf("%s with %q: %q, where nothing is %q", target, lines, answer.Raw, nowhere.Raw)
			}
		}
	}
	if got := f.upstream.Take(); len(got) > 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestPeerOfVerifyIsNoTrustedClient asks /verify through a load balancer that Caddy trusts, for a
// client whose address is on the list of verify. The list names proxies that connect themselves: a
// client behind the balancer would get a token for its cookie, and so would a script in its browser.
func TestPeerOfVerifyIsNoTrustedClient(t *testing.T) {
	f := buildWith(t, "verify 192.0.2.0/24\n}\nservers :"+fortPort+" {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict",
		verifySites+"\nhttp://who.example.be:"+fortPort+" {\nrespond {client_ip}\n}")
	const forwarded = "X-Forwarded-For: 192.0.2.1\r\n"
	if answer := f.send(head("GET", "/", "who.example.be", forwarded) + "\r\n"); answer.Body != "192.0.2.1" {
		t.Fatalf("Caddy takes the client for %q", answer.Body)
	}
	for _, target := range []string{"/itsme/verify", "/itsme/verify/x"} {
		for _, login := range []string{f.bearer(nil), f.cookie(nil)} {
			if answer := f.ask("GET", target, login, forwarded); answer.Status != http.StatusNotFound || strings.Contains(answer.Raw, person) {
				t.Errorf("%s: %q", target, answer.Raw)
			}
		}
	}
}

// TestVerifyDecidesOnTheCredentialAlone asks as a proxy would for a client that says of its request
// what would let it through: a path that is public, a host where anybody may come, another method.
func TestVerifyDecidesOnTheCredentialAlone(t *testing.T) {
	f := buildWith(t, "verify 127.0.0.0/8", verifySites)
	low, _, err := f.authority.IssueAccess(token.Claims{Subject: person, ACR: "low", AuthTime: time.Now()})
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
				anonymous := f.ask(method, target, lines)
				if anonymous.Status != http.StatusUnauthorized || strings.Contains(anonymous.Raw, "forged") || anonymous.Header.Get("Location") != "" {
					t.Errorf("%s %s with %q: %q", method, target, lines, anonymous.Raw)
				}
				if answer := f.ask(method, target, lines, "Authorization: Bearer "+low+"\r\n"); answer.Status != http.StatusUnauthorized {
					t.Errorf("%s %s with %q, not enough: %q", method, target, lines, answer.Raw)
				}
				told := f.ask(method, target, lines, f.bearer(nil))
				if told.Status != http.StatusOK || strings.Contains(told.Raw, "forged") || !strings.Contains(told.Raw, "\r\nX-User-Id: "+person+"\r\n") {
					t.Errorf("%s %s with %q, enough: %q", method, target, lines, told.Raw)
				}
				// The other site's extra header is the gateway's, too: a proxy has to clear it.
				if !strings.Contains(told.Raw, "\r\nX-User-Name: \r\n") || !strings.Contains(told.Raw, "\r\nX-Itsme-Nin: \r\n") {
					t.Errorf("%s %s with %q: a header is not cleared: %q", method, target, lines, told.Raw)
				}
			}
		}
	}
	if got := f.upstream.Take(); len(got) > 0 {
		t.Errorf("the upstream got %q", got)
	}
}

// TestVerifyIsBounded has a proxy pass on what clients send to make the gateway work: long headers,
// and a body that never comes.
func TestVerifyIsBounded(t *testing.T) {
	f := buildWith(t, "verify 127.0.0.0/8", verifySites)
	long := strings.Repeat("x", 8<<10)
	for name, lines := range map[string]string{
		"a long token":      "Authorization: Bearer " + long + "\r\n",
		"a long cookie":     "Cookie: " + sessionCookie + "=" + long + "\r\n",
		"many cookies":      "Cookie: " + strings.Repeat(sessionCookie+"=x; ", 512) + "\r\n",
		"another long line": "X-Itsme-Subject: " + long + "\r\n",
	} {
		if answer := f.ask("GET", "/itsme/verify", lines); answer.Status != http.StatusUnauthorized || len(answer.Raw) > 2<<10 {
			t.Errorf("%s: %d, %d bytes", name, answer.Status, len(answer.Raw))
		}
		if answer := f.ask("GET", "/itsme/verify", strings.Repeat(lines, 8)); answer.Status == http.StatusOK || len(answer.Raw) > 2<<10 {
			t.Errorf("eight times %s: %d, %d bytes", name, answer.Status, len(answer.Raw))
		}
	}
	answer := f.ask("POST", "/itsme/verify", f.bearer(nil), "Connection: close\r\nContent-Length: 1000000000\r\n")
	if answer.Status != http.StatusOK {
		t.Errorf("a body that never comes: %d %s", answer.Status, answer.Body)
	}
}
