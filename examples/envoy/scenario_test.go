//go:build linux

package envoy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"

// TestLogin logs in as an app and as a browser, from the first request to the logout. Envoy writes names of headers in
// lower case.
func TestLogin(t *testing.T) {
	e := run(t)
	refused, got := e.ask(t, "GET", "/api?x=1")
	if refused.Status != http.StatusUnauthorized || !strings.HasPrefix(refused.Header.Get("WWW-Authenticate"), "Bearer") || got != "" {
		t.Errorf("without a login: %d %v, the service got %q", refused.Status, refused.Header, got)
	}
	sent, got := e.ask(t, "GET", "/account?tab=2&x=1", navigation)
	if sent.Status != http.StatusSeeOther || sent.Header.Get("Location") != "/itsme/login?return_to=%2Faccount%3Ftab%3D2%26x%3D1" || got != "" {
		t.Errorf("a browser without a login: %d %v, the service got %q", sent.Status, sent.Header, got)
	}

	app := e.NewApp()
	bearer := "authorization: Bearer " + app.Login(t, "adult") + "\r\n"
	answer, got := e.ask(t, "GET", "/api", bearer)
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nx-itsme-name: Lien Peeters\r\n") || !strings.Contains(got, "\r\nauthorization: Bearer ") || strings.Contains(got, bearer) {
		t.Errorf("with a token: %d, the service got %q", answer.Status, got)
	}

	b := e.NewBrowser(t)
	if page := b.Login(t, "/account", "adult"); page.Status != http.StatusOK || page.Body != rawhttptest.Body {
		t.Fatalf("the browser's page: %d %s", page.Status, page.Body)
	}
	got = strings.Join(e.service.Take(), "")
	if !strings.Contains(got, "\r\nx-itsme-name: Lien Peeters\r\n") || !strings.Contains(got, "\r\nauthorization: Bearer ") || strings.Contains(got, "cookie: _") {
		t.Errorf("with a cookie the service got %q", got)
	}
	if out := b.Submit(t, "/itsme/logout", url.Values{}); out.Status != http.StatusSeeOther {
		t.Fatalf("logout: %d %s", out.Status, out.Body)
	}
	if page := b.Navigate(t, "/account"); page.Status != http.StatusSeeOther {
		t.Errorf("after logout: %d", page.Status)
	}
}

// TestStepUp: a user whose login does not meet require gets the gateway's own challenge, through Envoy.
func TestStepUp(t *testing.T) {
	e := run(t)
	low := "Authorization: Bearer " + e.NewApp().Login(t, "low") + "\r\n"
	answer, got := e.ask(t, "POST", "/api", low, "Content-Length: 4\r\n\r\nbody")
	if answer.Status != http.StatusUnauthorized || !strings.Contains(answer.Header.Get("WWW-Authenticate"), `acr_values="substantial"`) || got != "" {
		t.Errorf("%d %v, the service got %q", answer.Status, answer.Header, got)
	}
	sent, got := e.ask(t, "GET", "/a", low, navigation)
	if sent.Status != http.StatusSeeOther || sent.Header.Get("Location") != "/itsme/login?return_to=%2Fa&acr_values=substantial" || got != "" {
		t.Errorf("a browser: %d %v, the service got %q", sent.Status, sent.Header, got)
	}
}

// TestReturnToStaysOnTheSite: a path of the client's becomes a parameter of the login page, and nothing else.
func TestReturnToStaysOnTheSite(t *testing.T) {
	e := run(t)
	for target, want := range map[string]string{
		"/a&acr_values=low":           "%2Fa%26acr_values%3Dlow",
		"/?q=%0d%0aSet-Cookie:%20a=b": "%2F%3Fq%3D%250d%250aSet-Cookie%3A%2520a%3Db",
		"//evil.example/":             "%2Fevil.example%2F",
	} {
		sent, got := e.ask(t, "GET", target, navigation)
		if sent.Status != http.StatusSeeOther || sent.Header.Get("Location") != "/itsme/login?return_to="+want || sent.Header.Get("Set-Cookie") != "" || got != "" {
			t.Errorf("%s: %d %v, the service got %q", target, sent.Status, sent.Header, got)
		}
	}
}

// TestTokenOfMaximumSize sends the longest token that a gateway accepts, and Envoy passes it and the claims in it on.
func TestTokenOfMaximumSize(t *testing.T) {
	long := []string{"name", "firstName", "lastName", "nationality", "placeOfBirth", "countryOfBirth"}
	e := run(t, "attributes name firstName lastName dateOfBirth", "attributes "+strings.Join(long, " "))
	login := func(last int) string {
		subject := map[string]any{}
		for _, name := range long {
			subject[name] = strings.Repeat("x", attribute.MaxValue)
		}
		subject[long[0]] = strings.Repeat("x", last)
		e.Signicat.OverrideNextSuccess(signicattest.Override{Subject: subject})
		return e.NewApp().Login(t, "adult")
	}
	accessToken := login(1 + (token.MaxSize-len(login(1)))*3/4)
	bearer := "authorization: Bearer " + accessToken + "\r\n"
	answer, got := e.ask(t, "GET", "/api", bearer)
	if len(accessToken) < token.MaxSize-8 || answer.Status != http.StatusOK || !strings.Contains(got, "\r\nauthorization: Bearer ") || strings.Contains(got, bearer) {
		t.Errorf("a token of %d bytes: %d %.300s, the service got %d bytes", len(accessToken), answer.Status, answer.Body, len(got))
	}
}

// TestClientCannotSupplyIdentityThroughEnvoy sends identity headers in every spelling that Envoy or the service may
// accept, for a user without that claim and for a user with it.
func TestClientCannotSupplyIdentityThroughEnvoy(t *testing.T) {
	e := run(t)
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "mononym") + "\r\n" // no first name, no birth date, no e-mail
	names := []string{"X-Itsme-Subject", "X-Itsme-Acr", "X-Itsme-Auth-Time", "X-Itsme-Email-Verified", "X-Itsme-Unknown"}
	for _, a := range attribute.All() {
		names = append(names, a.Header())
	}
	for _, name := range names {
		for _, spelling := range []string{
			name, strings.ToLower(name), strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "."),
			strings.Replace(name, "-", "_", 1), strings.Replace(name, "X-Itsme-", "x-itsme_", 1), name + "\r\n" + name,
		} {
			line := strings.ReplaceAll(spelling, "\r\n", ": forged\r\n") + ": forged\r\n"
			answer, got := e.ask(t, "GET", "/", bearer, line)
			passed := answer.Status == http.StatusOK && strings.Contains(got, "\r\nx-itsme-name: Suharto\r\n")
			dropped := answer.Status == http.StatusBadRequest && got == "" // underscores
			if !passed && !dropped || strings.Contains(got, "forged") || dropped && !strings.Contains(line, "_") {
				t.Errorf("%q: %d, the service got %q", line, answer.Status, got)
			}
			if answer, got := e.ask(t, "GET", "/", line); answer.Status == http.StatusOK || got != "" {
				t.Errorf("%q without a login: %d, the service got %q", line, answer.Status, got)
			}
		}
		if _, got := e.ask(t, "GET", "/", bearer, "Connection: "+name+"\r\n"); got != "" && !strings.Contains(got, "x-itsme-name: Suharto\r\n") {
			t.Errorf("Connection: %s takes a header away: %q", name, got)
		}
	}
}

// TestHeadersOfTheGatewayReplaceAllOthers leaves out what strips the client's headers before: an empty header of the
// gateway replaces the client's too, however often the client sends it.
func TestHeadersOfTheGatewayReplaceAllOthers(t *testing.T) {
	e := runWith(t, []string{`(?i)x[-_.]itsme[-_.].*`, "no-header"})
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "mononym") + "\r\n"
	for _, lines := range []string{
		"X-Itsme-Given-Name: forged\r\n", "X-Itsme-Name: forged\r\n", "X-Itsme-Given-Name: forged\r\nx-itsme-given-name: forged\r\n",
		"X-Itsme-Name: forged\r\nX-ITSME-NAME: forged\r\n", "Authorization: Basic forged\r\n", "Authorization: Bearer forged\r\nAuthorization: forged\r\n",
	} {
		answer, got := e.ask(t, "GET", "/", lines, bearer)
		if strings.Contains(got, "forged") || answer.Status == http.StatusOK && !strings.Contains(got, "\r\nx-itsme-name: Suharto\r\n") {
			t.Errorf("%q: %d, the service got %q", lines, answer.Status, got)
		}
	}
}

// TestBrowsersCookieStaysFromTheServiceBehindEnvoy: with the cookie, a reader of the service's log could act as the user.
func TestBrowsersCookieStaysFromTheServiceBehindEnvoy(t *testing.T) {
	e := run(t)
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	e.service.Take()
	cookie := b.Cookie(t)
	if cookie == "" {
		t.Fatal("the browser has no cookie")
	}
	_, got := e.ask(t, "GET", "/", "Cookie: a=b; "+cookie+"; c=d\r\n")
	if !strings.Contains(got, "\r\ncookie: a=b; c=d\r\n") || strings.Contains(got, cookie) {
		t.Errorf("the service got %q", got)
	}
	if _, got := e.ask(t, "GET", "/", "Cookie: a=b\r\nCookie: "+cookie+"\r\nCookie: "+cookie+"\r\n"); strings.Contains(got, cookie) {
		t.Errorf("with three fields the service got %q", got)
	}
	if _, got := e.ask(t, "GET", "/", "Cookie: "+cookie+"\r\n"); got == "" || strings.Contains(got, cookie) {
		t.Errorf("with that cookie alone the service got %q", got)
	}
}

// TestOtherSitesWriteNothingThroughEnvoy has another site post with the user's cookie.
func TestOtherSitesWriteNothingThroughEnvoy(t *testing.T) {
	e := run(t)
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	e.service.Take()
	cookie := "Cookie: " + b.Cookie(t) + "\r\n"
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:8080"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
			answer, got := e.ask(t, method, "/", cookie, "Origin: "+origin+"\r\n", "Content-Length: 0\r\n")
			if answer.Status != http.StatusForbidden || got != "" {
				t.Errorf("%s from %s: %d, the service got %q", method, origin, answer.Status, got)
			}
		}
	}
	if answer, got := e.ask(t, "POST", "/", cookie, "Origin: "+e.URL+"\r\n", "Content-Length: 4\r\n\r\nbody"); answer.Status != http.StatusOK || !strings.Contains(got, "body") {
		t.Errorf("the site's own post: %d, the service got %q", answer.Status, got)
	}
}

// TestClientsCannotReachVerifyThroughEnvoy requests /verify through Envoy, which the gateway trusts. A script on the site
// would get the token that an HttpOnly cookie hides from it.
func TestClientsCannotReachVerifyThroughEnvoy(t *testing.T) {
	e := run(t)
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "adult") + "\r\n"
	for _, target := range []string{
		"/itsme/verify", "/itsme/verify/", "/itsme/verify/x", "/itsme/verify?x", "/itsme//verify", "//itsme/verify", "/itsme/./verify", "/x/../itsme/verify",
		"/itsme/%76erify", "/itsme/v%65rify", "/itsme/verif%79", "/%69tsme/verify", "/itsme%2fverify", "/itsme/x/..%2fverify", "/itsme/%2e/verify", "/itsme/verify%00",
		"/itsme/login/../verify", "/itsme\\verify", "/itsme/%5cverify", "/itsme/verify;x", "/itsme/verify#x", "/ITSME/verify", "/.well-known/../itsme/verify",
		"/.well-known/%2e%2e/itsme/verify", "/x/%2e%2e/itsme/verify", "http://" + e.envoy + "/itsme/verify",
	} {
		answer, got := e.ask(t, "GET", target, bearer)
		if answer.Header.Get("X-Itsme-Subject") != "" || answer.Header.Get("Authorization") != "" || answer.Status == http.StatusOK && got == "" {
			t.Errorf("%s: %d %v, the service got %q", target, answer.Status, answer.Header, got)
		}
		if got != "" && !strings.Contains(got, "\r\nx-itsme-subject: ") {
			t.Errorf("%s reaches the service without an identity: %q", target, got)
		}
	}
}

// TestClientsCannotReachIntrospectionThroughEnvoy requests /introspect through Envoy, which the gateway trusts. A client could
// ask there which of many texts are tokens.
func TestClientsCannotReachIntrospectionThroughEnvoy(t *testing.T) {
	e := run(t)
	form := "token=" + e.NewApp().Login(t, "adult")
	for _, target := range []string{
		"/itsme/introspect", "/itsme/introspect?x", "/itsme//introspect", "/itsme/./introspect", "/x/../itsme/introspect", "/itsme/%69ntrospect",
		"/itsme%2fintrospect", "/itsme/introspect/", "/itsme/introspect;x", "/ITSME/introspect", "/.well-known/../itsme/introspect",
	} {
		answer, _ := e.ask(t, "POST", target, "Content-Type: application/x-www-form-urlencoded\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(form), form))
		if answer.Status == http.StatusOK || strings.Contains(answer.Raw, `"active"`) {
			t.Errorf("%s: %q", target, answer.Raw)
		}
	}
}

// TestCachesShareNoUsersPageThroughEnvoy has the service send fields that let every cache store.
func TestCachesShareNoUsersPageThroughEnvoy(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Edge-Control", "X-LiteSpeed-Cache-Control"} {
			w.Header().Set(name, "max-age=600")
		}
		w.Header().Set("Cache-Control", r.URL.Query().Get("cache"))
		_, _ = io.WriteString(w, "page of "+r.Header.Get("X-Itsme-Name"))
	}))
	t.Cleanup(service.Close)
	e := runInFrontOf(t, service.Listener.Addr().String(), nil)
	e.service = rawhttptest.NewUpstream(t) // unused
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "adult") + "\r\n"
	for cache, want := range map[string]string{
		"": "private", "public,max-age=600,s-maxage=600": "private", `private="X-Foo"`: "private", "no-cache": "private, no-cache", "public,No-Store": "private, no-store",
	} {
		answer, _ := e.ask(t, "GET", "/?cache="+url.QueryEscape(cache), bearer)
		if answer.Body != "page of Lien Peeters" || !slices.Equal(answer.Header["Cache-Control"], []string{want}) {
			t.Errorf("%q: %d %q with Cache-Control %q", cache, answer.Status, answer.Body, answer.Header["Cache-Control"])
		}
		for field := range answer.Header {
			if gateway.Targeted(field) || field == "Itsme-Cache" {
				t.Errorf("%q: %s: %q", cache, field, answer.Header[field])
			}
		}
	}
}

// TestEnvoyThatIsNoPeerLearnsNothing removes Envoy from the list of verify: then no request reaches the service.
func TestEnvoyThatIsNoPeerLearnsNothing(t *testing.T) {
	e := run(t, "verify 127.0.0.1", "verify 127.0.0.2 192.0.2.0/24")
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "adult") + "\r\n"
	for _, claim := range []string{"", "X-Forwarded-For: 127.0.0.2\r\n", "Forwarded: for=127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\n"} {
		if answer, got := e.ask(t, "GET", "/", bearer, claim); answer.Status < 400 || got != "" {
			t.Errorf("%q: %d %s, the service got %q", claim, answer.Status, answer.Body, got)
		}
	}
}
