package attack_test

import (
	"net/http"
	"strings"
	"testing"
)

const pathSites = `
http://:65000 {
	itsme {
		public /health /assets/*
	}
	reverse_proxy UPSTREAM
}
http://rewritten.example.be:65000 {
	rewrite * /assets{uri}
	itsme {
		public /assets/*
	}
	reverse_proxy UPSTREAM
}
http://stripped.example.be:65000 {
	uri strip_prefix /app
	itsme {
		public /assets/*
	}
	reverse_proxy UPSTREAM
}
http://within.example.be:65000 {
	handle_path /app/* {
		itsme {
			public /app/assets/* /app/health
		}
		reverse_proxy UPSTREAM
	}
}
http://emptied.example.be:65000 {
	uri strip_prefix /assets
	itsme {
		public /assets/*
	}
	reverse_proxy UPSTREAM
}
http://shortened.example.be:65000 {
	uri strip_suffix /private
	itsme {
		public /assets/*
	}
	reverse_proxy UPSTREAM
}
http://moved.example.be:65000 {
	rewrite /assets/old /private
	itsme {
		public /assets/*
	}
	reverse_proxy UPSTREAM
}
http://behind.example.be:65000 {
	itsme {
		public /assets/*
	}
	handle_path /assets/* {
		reverse_proxy UPSTREAM
	}
	reverse_proxy UPSTREAM
}`

// confusable are targets that one server reads as a public path and another as a private one.
var confusable = []string{
	// Dot segments, plain, encoded, and as a backslash or a parameter makes them.
	"/assets/../private", "/assets/./x", "/assets/x/..", "/assets/x/.", "/private/../assets/x", "/private/../health", "/./health",
	"/assets/%2e%2e/private", "/assets/%2E%2e/private", "/assets/.%2e/private", "/assets/%2e/x", "/private/%2e%2e/health",
	"/assets/..;/private", "/assets/..;x=y/private", "/assets/;/../private", "/assets/..%3b/private", "/assets/.;/x",
	`/assets/..\private`, `/assets\..\private`, `/assets/\private`, "/assets/..%5cprivate", "/assets/%5c..%5cprivate", "/assets%5cx",
	"/assets/%c0%ae%c0%ae/private", "/assets/..%c0%afprivate", "/assets/%uff0e%uff0e/private", "/assets/％2e％2e/private", "/assets/．．/private",
	"/assets/...", "/assets/..../private", "/assets/.../private",
	// Slashes.
	"//assets/x", "/assets//x", "/assets//../private", "///health", "/health//", "/assets%2fx", "/assets%2Fx", "/assets/%2fprivate",
	"/assets/..%2fprivate", "/private%2f..%2fassets/x", "/assets/%2f..%2fprivate", "/assets／x", "/assets∕..∕private",
	// Encodings of what needs none, twice, and broken.
	"/%68ealth", "/he%61lth", "/%61ssets/x", "/assets/%78", "/assets/%252e%252e/private", "/assets/%252fprivate", "/%2568ealth", "/assets/%25", "/assets/%",
	"/assets/%2", "/assets/%zz", "/assets/é", "/assets/%c3%a9", "/assets/\xff", "/assets/%ff", "/assets/%e2%80%ae",
	// Characters that end a path for some servers.
	"/health;", "/health;x=y", "/health;/../private", "/private;/health", "/assets/x;y", "/assets/x%3by", "/health%00", "/health%00/private", "/assets/%00",
	"/health%20", "/health%09", "/health%0a", "/assets/%0d%0aX-Itsme-Subject:%20forged", "/health%7f", "/health#", "/private#/health", "/private%23/health", "/health%3f",
	"/private?/health", "/private?/../health", "/private&/health", "/health|x", "/health\"", "/health<", "/health^", "/health`", "/health{",
	// Near misses.
	"/health.", "/health/", "/health/x", "/Health", "/HEALTH", "/healthz", "/health ", "/assets", "/Assets/x", "/asset/x", "/assetsx/y", "/", "", "*", "/health~", "health",
	// PATH_INFO, other names of one file, and bytes that are no text.
	"/assets/x.php/private", "/health/index.php/private", "/index.php/health", "/assets/X.PHP/../private", "/assets./x", "/assets/x.", "/health.", "/health::$DATA",
	"/assets::$INDEX_ALLOCATION/x", "/assets:$i30:$INDEX_ALLOCATION/x", "/health:80", "/assets:1/x", "/ASSETS~1/x", "/assets/PRIVAT~1/x", "/assets/%e0%80%ae%e0%80%ae/private",
	"/assets/%f0%80%80%afprivate", "/assets/%ed%a0%80", "/assets /x", "/assets%20/x",
}

// TestPathThatIsReadInTwoWaysIsNeverPublic has an attacker without a login ask for paths that the upstream, or
// a cache between, might read differently. A path that is public for the gateway and private for the upstream
// would be open to every client.
func TestPathThatIsReadInTwoWaysIsNeverPublic(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, host := range []string{appHost, "rewritten.example.be", "stripped.example.be", "within.example.be", "emptied.example.be", "shortened.example.be", "behind.example.be"} {
		for _, target := range confusable {
			for _, prefix := range []string{"", "/app"} {
				answer := e.send(head(http.MethodGet, prefix+target, host) + "\r\n")
				if received := e.upstream.Take(); len(received) > 0 {
					t.Errorf("%s%q: %d, the upstream got %q", host, prefix+target, answer.Status, received)
				}
			}
		}
	}
}

// TestPathOutsideTheMatcherIsOutsideByEveryReading has an attacker ask a site that protects one part for paths
// which its matcher reads as outside and the upstream as inside. Such an upstream drops the parameters after a
// semicolon, or decodes once more or once less than the matcher.
func TestPathOutsideTheMatcherIsOutsideByEveryReading(t *testing.T) {
	e := newAppEnv(t, "http://:65000 {\n\t@in path /private /private/*\n\titsme @in\n\treverse_proxy UPSTREAM\n}")
	for _, target := range []string{
		"/private;/x", "/private;x=y/z", "/;/private/x", "/a/..;/private/x", "/;private/x", "/a;/../private/x",
		"/private/x/..%2f..%2fopen", "/private%2fx", "/private%2Fx", "/a/..%2fprivate/x", "/%2fprivate/x", "/private%252fx", "/%2570rivate/x",
		`/private\x`, `/a\..\private\x`, "/private%5cx", "/a/%2e%2e%5cprivate%5cx", "/a/%2e%2e/%2e/open", "/private/x/%2e%2e/%2e%2e/open",
		"//private;/x", "/private%3b/x", "/private%00/x", "/open%00/../private/x", "/a/%c0%ae%c0%ae/private/x", "/a/..%c0%afprivate/x", "/.../private",
		"/private%0a/x", "/private%7f/x", "/private/../open", "/private/./../open", "//open",
		// PHP routes by what follows the script, Windows by what is left of a name.
		"/index.php/private/x", "/INDEX.PHP/private/x", "/a/index.php/private", "/index.phtml/private", "/index.php%2fprivate", "/private./x", "/private%20/x", "/private.%20/x",
		"/private::$DATA", "/private::$INDEX_ALLOCATION/x", "/private:$i30:$INDEX_ALLOCATION/x", "/private%3a%3a$data", "/private:1/x", "/PRIVAT~1/x", "/privat%7e1/x",
		// Overlong forms of three and four bytes, a surrogate, half a character.
		"/a/%e0%80%ae%e0%80%ae/private/x", "/a/..%e0%80%afprivate/x", "/a/%f0%80%80%ae%f0%80%80%ae/private/x", "/%f0%80%80%afprivate/x", "/%ed%a0%80/private", "/open%e2%82/private",
	} {
		answer := e.send(head(http.MethodGet, target, appHost) + "\r\n")
		if received := e.upstream.Take(); len(received) > 0 {
			t.Errorf("%q: %d, the upstream got %q", target, answer.Status, received)
		}
	}
	for _, target := range []string{"/open", "/", "/privately", "/v1/items:batchGet", "/index.php", "/~user/", "/open/a%20b.pdf", "/open/caf%C3%A9", "/open/?q=//;%2f..", "/open/.well-known/x", "/open/a..b"} {
		answer := e.send(head(http.MethodGet, target, appHost) + "\r\n")
		if received := e.upstream.Take(); len(received) != 1 {
			t.Errorf("%q: %d, the upstream got %q", target, answer.Status, received)
		}
	}
}

// TestPublicPathIsPublicByBothReadings asks for paths that a rewrite makes public, or makes of public ones.
// Only a path that is public before and after the rewrite needs no login.
func TestPublicPathIsPublicByBothReadings(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, row := range []struct {
		host, target string
		received     string // by the upstream; empty: nothing
	}{
		{appHost, "/health", "/health"},
		{appHost, "/assets/x.css?v=/../%2e%00;", "/assets/x.css?v=/../%2e%00;"},
		{appHost, "/assets/", "/assets/"},
		{appHost, "http://" + appHost + "/health", "/health"},
		{appHost, "http://" + appHost + "/private", ""},
		{appHost, "http://evil.example/private", ""},
		{"rewritten.example.be", "/private", ""},
		{"rewritten.example.be", "/assets/x", "/assets/assets/x"},
		{"stripped.example.be", "/app/assets/x", ""},
		{"stripped.example.be", "/assets/x", "/assets/x"},
		{"within.example.be", "/app/assets/x", "/assets/x"},
		{"within.example.be", "/app/health", "/health"},
		{"within.example.be", "/app/app/assets/x", ""},
		{"within.example.be", "/app/app/health", ""},
		{"within.example.be", "/app/private", ""},
		{"within.example.be", "/app/assets", ""},
		// The client could choose any path: /private is private, so /assets/private is not public.
		{"emptied.example.be", "/assets/private", ""},
		{"emptied.example.be", "/private", ""},
		{"emptied.example.be", "/assets/assets/x", "/assets/x"},
		{"shortened.example.be", "/assets/x/private", "/assets/x"},
		{"shortened.example.be", "/assets/private", ""},
		{"moved.example.be", "/assets/old", ""},
		{"moved.example.be", "/assets/x", "/assets/x"},
		{"behind.example.be", "/assets/private", "/private"},
		{"behind.example.be", "/private", ""},
	} {
		answer := e.send(head(http.MethodGet, row.target, row.host) + "\r\n")
		received := strings.Join(e.upstream.Take(), "")
		if want := row.received != ""; (answer.Status == http.StatusOK) != want || (received != "") != want || !strings.HasPrefix(received, strings.TrimSuffix("GET "+row.received, "GET ")) {
			t.Errorf("%s %s: %d, the upstream got %q", row.host, row.target, answer.Status, received)
		}
	}
}

// TestNothingButThePathDecides has an attacker ask for a private path and name a public path, or a trusted
// client, in every header that some server has read.
func TestNothingButThePathDecides(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, line := range []string{
		"X-Original-URL: /health", "X-Rewrite-URL: /health", "X-Original-URI: /health", "X-Forwarded-Uri: /health", "X-Forwarded-Path: /health",
		"X-Forwarded-Prefix: /assets", "X-Envoy-Original-Path: /health", "X-Accel-Redirect: /health", "X-Sendfile: /health", "Content-Location: /health",
		"X-HTTP-Method-Override: OPTIONS", "X-HTTP-Method: OPTIONS", "X-Method-Override: HEAD", "X-Forwarded-Method: OPTIONS",
		"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Client-IP: ::1", "True-Client-IP: 127.0.0.1", "Forwarded: for=127.0.0.1;host=localhost;proto=https",
		"X-Custom-IP-Authorization: 127.0.0.1", "X-Forwarded-Host: localhost", "X-Forwarded-Server: localhost", "X-Forwarded-Proto: https",
		"User-Agent: kube-probe/1.30", "User-Agent: Googlebot/2.1", "Referer: https://app.example.be/health", "Origin: " + appURL, "Sec-Fetch-Site: same-origin",
		"Access-Control-Request-Method: PUT\r\nOrigin: " + appURL, "Early-Data: 1", "Purpose: prefetch", "Via: 1.1 Caddy", "Cookie: itsme=x; __Host-itsme-l-12345678=x",
	} {
		for _, method := range []string{http.MethodGet, http.MethodOptions, http.MethodPost} {
			answer := e.ask(method, "/private", line+"\r\n")
			if received := e.upstream.Take(); answer.Status != http.StatusUnauthorized || len(received) > 0 {
				t.Errorf("%s with %q: %d, the upstream got %q", method, line, answer.Status, received)
			}
		}
	}
}

// TestNoMethodIsExempt sends methods that a rule for GET and POST forgets, and request targets that are no
// path.
func TestNoMethodIsExempt(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, method := range []string{
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PURGE", "get", "Get", "GETS", "X",
	} {
		for _, target := range []string{"/private", "*", appHost + ":443", "http://" + appHost + "/private", "https://" + appHost + "/health/../private"} {
			answer := e.ask(method, target)
			if received := e.upstream.Take(); len(received) > 0 || (answer.Status/100 == 2 && method+target != "OPTIONS*") {
				t.Errorf("%s %s: %d, the upstream got %q", method, target, answer.Status, received)
			}
		}
	}
}

// TestNoHostIsExempt asks under other names of the site, which a rule for one name forgets.
func TestNoHostIsExempt(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, host := range []string{
		"APP.EXAMPLE.BE", "app.example.be.", "app.example.be:80", "app.example.be:443", "app.example.be:0", "localhost", "127.0.0.1", "[::1]", "evil.example",
		"app.example.be\r\nHost: evil.example", "app.example.be\r\nhost: app.example.be", "evil.example\r\nX-Forwarded-Host: " + appHost, "", "app.example.be, evil", "a b", "@app.example.be", "...",
	} {
		answer := e.send(head(http.MethodGet, "/private", host) + "\r\n")
		if received := e.upstream.Take(); len(received) > 0 || (answer.Status != http.StatusUnauthorized && answer.Status != http.StatusBadRequest) {
			t.Errorf("%q: %d, the upstream got %q", host, answer.Status, received)
		}
	}
}

// TestOnlyTruePreflightsNeedNoLogin has an attacker send requests that resemble a browser's CORS preflight to
// a site that lets preflights through: to open a tunnel, to write with another method, or to bring an
// identity.
func TestOnlyTruePreflightsNeedNoLogin(t *testing.T) {
	e := newAppEnv(t, "http://:65000 {\n\titsme {\n\t\tcors_preflight\n\t}\n\treverse_proxy UPSTREAM\n}")
	const origin, wanted = "Origin: https://evil.example\r\n", "Access-Control-Request-Method: DELETE\r\n"
	requests := map[string]string{
		"no origin":            head("OPTIONS", "/", appHost, wanted) + "\r\n",
		"two origins":          head("OPTIONS", "/", appHost, origin, origin, wanted) + "\r\n",
		"no method":            head("OPTIONS", "/", appHost, origin) + "\r\n",
		"two methods":          head("OPTIONS", "/", appHost, origin, wanted, wanted) + "\r\n",
		"a method of its own":  head("GET", "/", appHost, origin, wanted) + "\r\n",
		"an overridden method": head("POST", "/", appHost, origin, wanted, "X-HTTP-Method-Override: OPTIONS\r\nContent-Length: 0\r\n") + "\r\n",
		"in lower case":        head("options", "/", appHost, origin, wanted) + "\r\n",
		"a body":               head("OPTIONS", "/", appHost, origin, wanted, "Content-Length: 1\r\n") + "\r\nx",
		"a body in chunks":     head("OPTIONS", "/", appHost, origin, wanted, "Transfer-Encoding: chunked\r\n") + "\r\n1\r\nx\r\n0\r\n\r\n",
		"an empty body":        head("OPTIONS", "/", appHost, origin, wanted, "Transfer-Encoding: chunked\r\n") + "\r\n0\r\n\r\n",
	}
	for _, line := range []string{
		"Upgrade: websocket", "upgrade: websocket", "UPGRADE: WebSocket", "Upgrade: tcp", "Upgrade:",
		"X-HTTP-Method: DELETE", "X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "x-http-method-override: DELETE", "X-METHOD-OVERRIDE: DELETE",
	} {
		requests[line] = head("OPTIONS", "/", appHost, origin, wanted, line+"\r\n") + "\r\n"
		requests[line+", connected"] = head("OPTIONS", "/", appHost, origin, wanted, line+"\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n") + "\r\n"
	}
	for name, request := range requests {
		answer := e.send(request)
		if received := e.upstream.Take(); answer.Status != http.StatusUnauthorized || len(received) > 0 {
			t.Errorf("%s: %d, the upstream got %q", name, answer.Status, received)
		}
	}
	asked := "Access-Control-Request-Headers: upgrade, x-http-method-override\r\n"
	answer := e.ask("OPTIONS", "/", origin, wanted, asked, "Content-Length: 0\r\nX-Itsme-Subject: forged\r\n", e.bearer(nil), e.cookie(nil))
	received := strings.Join(e.upstream.Take(), "")
	if answer.Status != http.StatusOK || e.identityLines(received) != nil || strings.Contains(received, sessionCookie) || !strings.Contains(received, wanted) {
		t.Errorf("a true one: %d, the upstream got %q", answer.Status, received)
	}
}
