package attack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// linkFiles are public on a site that protects everything.
var linkFiles = []string{"/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"}

// TestAppLinkFilesAreNoWayIn has an attacker without a login ask for other spellings of the files' names, for
// longer paths, and with other methods. A request that the exemption of the files lets through reaches the
// upstream.
func TestAppLinkFilesAreNoWayIn(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, file := range linkFiles {
		for _, target := range []string{
			file + "/", file + "/../../private", file + "/%2e%2e/%2e%2e/private", file + ";/../../private", file + "%2f..%2f..%2fprivate", file + "%00",
			"/" + file, "/private/.." + file, "/.well-known/%61" + strings.TrimPrefix(file, "/.well-known/a"), "/.well-known/",
			strings.ToUpper(file), strings.ReplaceAll(file, "/", "\\"), file + ".json", "/private?" + file, "/private#" + file, strings.TrimPrefix(file, "/.well-known"),
		} {
			answer := e.ask(http.MethodGet, target)
			if received := e.upstream.Take(); len(received) > 0 || answer.Status == http.StatusOK {
				t.Errorf("GET %s: %d, the upstream got %q", target, answer.Status, received)
			}
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			answer := e.ask(method, file, "X-HTTP-Method-Override: GET\r\n")
			if received := e.upstream.Take(); len(received) > 0 || answer.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, the upstream got %q", method, file, answer.Status, received)
			}
		}
	}
}

// TestAppLinkFilesNameTheConfiguredAppsAlone has an attacker send every header that could put another app or
// path into the files. A phone that gets such a file, from a cache for example, hands the codes of all its
// logins to the attacker's app.
func TestAppLinkFilesNameTheConfiguredAppsAlone(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for _, file := range linkFiles {
		want := e.ask(http.MethodGet, file)
		if want.Status != http.StatusOK || !strings.Contains(want.Body, logintest.AndroidApp) {
			t.Fatalf("%s: %d %s", file, want.Status, want.Body)
		}
		for _, lines := range []string{
			"X-Forwarded-Host: evil.example\r\n", "X-Forwarded-Prefix: /evil\r\n", "X-Original-URL: /evil\r\n", "Forwarded: host=evil.example\r\n",
			"Referer: https://evil.example/\r\n", "Authorization: Bearer evil\r\n", "Cookie: " + sessionCookie + "=evil\r\n", "Accept: text/html\r\n", navigation,
			"Accept-Language: evil\r\n", "Range: bytes=0-3\r\n", "If-None-Match: *\r\n", e.cookie(nil), e.bearer(nil),
		} {
			for _, query := range []string{"", "?appID=EVIL.evil&path=*&callback=evil"} {
				got := e.ask(http.MethodGet, file+query, lines)
				if got.Status != http.StatusOK || got.Body != want.Body || got.Header.Get("Content-Type") != jsonType || got.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s%s with %q: %s", file, query, lines, got.Raw)
				}
			}
		}
		for _, host := range []string{"evil.example", appHost + ".", appHost + ":666", "behind.example.be"} {
			if got := e.send(head(http.MethodGet, file, host) + "\r\n"); got.Status == http.StatusOK {
				t.Errorf("%s at %s: %s", file, host, got.Raw)
			}
		}
	}
}
