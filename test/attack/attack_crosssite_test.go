package attack_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

const crossSites = `
http://app.example.be:65000 {
	itsme
	reverse_proxy UPSTREAM
}
http://optional.example.be:65000 {
	itsme {
		optional
	}
	reverse_proxy UPSTREAM
}`

// nullOrigin is what browsers send with a form of a page that hides its URL.
const nullOrigin = "Origin: null\r\nSec-Fetch-Site: same-origin\r\n"

// origins are header lines that name the origin of a request, and whether it is a page of the site. Browsers send
// Origin with every request that can change something. Some leave it out and send Sec-Fetch-Site alone.
var origins = []struct {
	lines string
	own   bool
}{
	{"Origin: " + appURL + "\r\n", true},
	{"Origin: " + appURL + "\r\nSec-Fetch-Site: same-origin\r\n", true},
	{"Sec-Fetch-Site: same-origin\r\n", true},
	{"", false},
	{"Origin:\r\n", false},
	{"Origin: null\r\n", false},
	// A form of a page with Referrer-Policy: no-referrer.
	{nullOrigin, true},
	{"Origin: null\r\nSec-Fetch-Site: cross-site\r\n", false}, // a sandboxed iframe, a data: URL, a redirect across sites
	{"Origin: null\r\nSec-Fetch-Site: same-site\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: none\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: same-origin, cross-site\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: Same-Origin\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: same-origin\xa0\r\n", false},
	{"Origin: NULL\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: \"null\"\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null, null\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null\xa0\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null\r\nOrigin: null\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null\r\nOrigin: https://app.example.be\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: null\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false},
	{"Origin: null\r\nSec-Fetch_Site: same-origin\r\n", false},
	{"Origin:\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: https://evil.example\r\n", false},
	{"Origin: https://evil.example\r\nSec-Fetch-Site: same-origin\r\n", false},
	{"Origin: http://app.example.be\r\n", false},
	{"Origin: https://app.example.be:443\r\n", false},
	{"Origin: https://app.example.be:8443\r\n", false},
	{"Origin: HTTPS://APP.EXAMPLE.BE\r\n", false},
	{"Origin: https://app.example.be/\r\n", false},
	{"Origin: https://app.example.be.\r\n", false},
	{"Origin: https://www.app.example.be\r\n", false},
	{"Origin: https://app.example.be.evil.example\r\n", false},
	{"Origin: https://evil.example/https://app.example.be\r\n", false},
	{"Origin: https://app.example.be https://evil.example\r\n", false},
	{"Origin: https://app.example.be, https://app.example.be\r\n", false},
	{"Origin: https://app.example.be@evil.example\r\n", false},
	{"Origin: app.example.be\r\n", false},
	{"Origin: https://app.example.be\r\nOrigin: https://evil.example\r\n", false},
	{"Origin: https://evil.example\r\norigin: https://app.example.be\r\n", false},
	{"Origin: https://app.example.be\r\nOrigin: https://app.example.be\r\n", false},
	{"Sec-Fetch-Site: same-site\r\n", false},
	{"Sec-Fetch-Site: cross-site\r\n", false},
	{"Sec-Fetch-Site: none\r\n", false},
	{"Sec-Fetch-Site: Same-Origin\r\n", false},
	{"Sec-Fetch-Site: same-origin, cross-site\r\n", false},
	{"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false},
	{"Referer: https://app.example.be/\r\n", false},
	{"Sec-Fetch_Site: same-origin\r\n", false},
}

// TestCookieCarriesNoWriteOfAnotherSite has a page of another site make a logged-in user's browser send
// requests with its cookie. The page may show the site. It must not change anything there with any method, and
// it must not open a WebSocket, which it could read.
func TestCookieCarriesNoWriteOfAnotherSite(t *testing.T) {
	e := newAppEnv(t, crossSites)
	cookie, bearer := e.cookie(nil), e.bearer(nil)
	for _, host := range []string{appHost, "optional.example.be"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "get", "WebSocket"} {
			for _, origin := range origins {
				line, sent := method, origin.lines
				if method == "WebSocket" {
					line, sent = "GET", sent+upgrade
				}
				// Browsers never send null as the origin of a site's own WebSocket.
				own := origin.own && (method != "WebSocket" || origin.lines != nullOrigin)
				through := own || method == "GET" || method == "HEAD"
				request := head(line, "/", host, sent)
				e.checkCrossSite(t, request, cookie, through)
				e.checkCrossSite(t, request, cookie+bearer, true)
				e.checkCrossSite(t, request, bearer, true)
			}
		}
	}
}

// checkCrossSite sends a request and checks whether it reaches the upstream.
func (e *env) checkCrossSite(t *testing.T, request, credentials string, through bool) {
	t.Helper()
	answer := e.send(request + credentials + "\r\n")
	if received := e.upstream.Take(); len(received) > 0 != through {
		t.Errorf("%q: %d, and %d requests reached the upstream", request, answer.Status, len(received))
	}
	if through {
		return
	}
	named := strings.Contains(answer.Body, `"code":"cross_site"`) || strings.HasPrefix(request, http.MethodHead)
	if answer.Status != http.StatusForbidden || !named {
		t.Errorf("%q: %d %s", request, answer.Status, answer.Body)
	}
}

// TestWebSocketOfAnotherSiteOverHTTP2IsRefused has a page of another site open a WebSocket over HTTP/2 (RFC
// 8441), which has no Upgrade header.
func TestWebSocketOfAnotherSiteOverHTTP2IsRefused(t *testing.T) {
	e := newAppEnv(t, crossSites)
	for _, origin := range []string{"https://evil.example", "null"} {
		fields := append(h2Head(http.MethodConnect, appHost, "/"),
			rawhttptest.Field{Name: ":protocol", Value: "websocket"}, rawhttptest.Field{Name: "origin", Value: origin}, field(e.cookie(nil)))
		answer := rawhttptest.DialH2(t, e.Addr).Do(rawhttptest.H2Request{Fields: fields})
		if got := e.upstream.Take(); len(got) > 0 || answer.Status == http.StatusOK {
			t.Errorf("from %s: %d, the upstream got %q", origin, answer.Status, got)
		}
	}
}

// TestOtherSitesStartEndAndCancelNothing has a page of another site make a user's browser post to the gateway:
// to log the user in as the attacker, to log the user out, or to cancel the login that the user is in the
// middle of.
func TestOtherSitesStartEndAndCancelNothing(t *testing.T) {
	e := newAppEnv(t, crossSites)
	person := e.browser(t)
	person.login("/")
	link := person.start("/next")
	session, err := e.Signicat.Session(link)
	if err != nil {
		t.Fatal(err)
	}
	login := sessionCookie + "-l-" + sessionID(session.State)[:8]
	calls := e.calls()
	for _, origin := range origins {
		if origin.own {
			continue
		}
		for name, answer := range map[string]rawhttptest.Answer{
			"login":         person.submit("/login", url.Values{"return_to": {"/"}}, origin.lines),
			"login by JSON": person.submit("/login", url.Values{"return_to": {"/"}}, origin.lines, "Accept: application/json\r\n"),
			"logout":        person.submit("/logout", nil, origin.lines),
			"bare logout":   person.take(e.post("/logout", "", "", origin.lines, person.cookieLine())),
			"cancel":        person.take(e.post("/sessions/"+sessionID(session.State)+"/cancel", "", "", origin.lines, person.cookieLine())),
			"cancel by JSON": person.take(e.post("/sessions/"+sessionID(session.State)+"/cancel", jsonType, `{"error":"access_denied"}`,
				origin.lines, person.cookieLine())),
			"userinfo": person.take(e.post("/userinfo", formType, "", origin.lines, person.cookieLine())),
		} {
			if answer.Status != http.StatusForbidden || len(answer.Header["Set-Cookie"]) > 0 {
				t.Errorf("%s with %q: %d, sets %q", name, origin.lines, answer.Status, answer.Header["Set-Cookie"])
			}
		}
	}
	if n := e.calls() - calls; n > 0 {
		t.Errorf("Signicat got %d calls", n)
	}
	if got := person.navigate("/"); got.Status != http.StatusOK {
		t.Errorf("the person was logged out: %d", got.Status)
	}
	if got := person.navigate(e.approve(t, link)); got.Header.Get("Location") != "/next" || !strings.HasSuffix(person.value(login), ".f") {
		t.Errorf("the person's next login was broken off: %d %s", got.Status, got.Body)
	}
	if got := person.submit("/login", url.Values{"return_to": {"/"}}, nullOrigin); got.Status != http.StatusOK {
		t.Errorf("a login by a form without a referrer: %d", got.Status)
	}
	if got := person.submit("/logout", nil, nullOrigin); got.Header.Get("Location") != appURL+"/itsme/login?page=logged_out" || person.value(sessionCookie) != "" {
		t.Errorf("the person's own logout: %d %s", got.Status, got.Raw)
	}
}

// TestOtherSitesReadOnlyPublicDocuments has a page of another site read and frame what a user's browser gets.
// It may read the keys, the metadata and the description of the API. It may frame nothing, and everything else
// stays out of caches.
func TestOtherSitesReadOnlyPublicDocuments(t *testing.T) {
	e := newAppEnv(t, pathSites)
	for request, answer := range e.allAnswers(t, appHost, "Origin: https://evil.example\r\n", "Access-Control-Request-Method: POST\r\n", e.cookie(nil)) {
		public := strings.Contains(request, "/.well-known/") || strings.Contains(request, "GET /itsme/jwks.json") || strings.Contains(request, "GET /itsme/openapi.yaml")
		allowed := answer.Header.Get("Access-Control-Allow-Origin")
		if answer.Body == rawhttptest.Body {
			continue // an answer of the upstream
		}
		if (allowed == "*") != public || (allowed != "" && !public) || answer.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s may be read by %q", request, allowed)
		}
		if !public && answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control is %q", request, answer.Header.Get("Cache-Control"))
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") &&
			(answer.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'")) {
			t.Errorf("%s may be framed: %v", request, answer.Header)
		}
	}
}
