//go:build unix

package nginx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"

// TestLogin logs in as an app and as a browser, from the first request to the logout.
func TestLogin(t *testing.T) {
	e := run(t)
	refused, got := e.ask(t, "GET", "/api?x=1")
	if refused.Status != http.StatusUnauthorized || !strings.HasPrefix(refused.Header.Get("WWW-Authenticate"), "Bearer") || got != "" {
		t.Errorf("without a login: %d %v, the service got %q", refused.Status, refused.Header, got)
	}
	sent, got := e.ask(t, "GET", "/account?tab=2&x=1", navigation)
	if sent.Status != http.StatusSeeOther || sent.Header.Get("Location") != e.URL+"/itsme/login?acr_values=substantial&return_to=%2Faccount%3Ftab%3D2%26x%3D1" || got != "" {
		t.Errorf("a browser without a login: %d %v, the service got %q", sent.Status, sent.Header, got)
	}

	app := e.NewApp()
	bearer := "Authorization: Bearer " + app.Login(t, "adult") + "\r\n"
	answer, got := e.ask(t, "GET", "/api", bearer)
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nX-Itsme-Name: Lien Peeters\r\n") || !strings.Contains(got, "\r\nAuthorization: Bearer ") || strings.Contains(got, bearer) {
		t.Errorf("with a token: %d, the service got %q", answer.Status, got)
	}

	b := e.NewBrowser(t)
	if page := b.Login(t, "/account", "adult"); page.Status != http.StatusOK || page.Body != rawhttptest.Body {
		t.Fatalf("the browser's page: %d %s", page.Status, page.Body)
	}
	got = strings.Join(e.service.Take(), "")
	if !strings.Contains(got, "\r\nX-Itsme-Name: Lien Peeters\r\n") || !strings.Contains(got, "\r\nAuthorization: Bearer ") || strings.Contains(got, "Cookie") {
		t.Errorf("with a cookie the service got %q", got)
	}
	if log := exampletest.Read(t, e.log); !strings.Contains(log, "GET /account ") || strings.Contains(log, "code=") || strings.Contains(log, "state=") {
		t.Errorf("nginx logged %s", log)
	}
	if out := b.Submit(t, "/itsme/logout", url.Values{}); out.Status != http.StatusSeeOther {
		t.Fatalf("logout: %d %s", out.Status, out.Body)
	}
	if page := b.Navigate(t, "/account"); page.Status != http.StatusSeeOther {
		t.Errorf("after logout: %d", page.Status)
	}
	_, forwarded, _ := strings.Cut(got, "\r\nAuthorization: ")
	forwarded, _, _ = strings.Cut(forwarded, "\r\n")
	if answer, got := e.ask(t, "GET", "/api", "Authorization: "+forwarded+"\r\n"); answer.Status != http.StatusUnauthorized || got != "" {
		t.Errorf("the service's token after logout: %d, the service got %q", answer.Status, got)
	}
}

// TestTokenOfMaximumSize sends the longest token that a gateway accepts, and nginx passes it and the claims in it on.
// Its default for a line of a request, 8 KB, would end in 400.
func TestTokenOfMaximumSize(t *testing.T) {
	long := []string{"name", "firstName", "lastName", "nationality", "placeOfBirth", "countryOfBirth"}
	e := run(t, "attributes name firstName lastName dateOfBirth", "attributes "+strings.Join(long, " "))
	login := func(last int) string {
		subject := map[string]any{}
		for i, name := range long {
			subject[name] = strings.Repeat("x", attribute.MaxValue)
			if i == len(long)-1 {
				subject[name] = strings.Repeat("x", last)
			}
		}
		e.Signicat.OverrideNextSuccess(signicattest.Override{Subject: subject})
		return e.NewApp().Login(t, "adult")
	}
	accessToken := login(1 + (token.MaxSize-len(login(1)))*3/4)
	if len(accessToken) > token.MaxSize || len(accessToken) < token.MaxSize-8 {
		t.Fatalf("the token has %d bytes, want %d", len(accessToken), token.MaxSize)
	}
	bearer := "Authorization: Bearer " + accessToken + "\r\n"
	answer, got := e.ask(t, "GET", "/api", bearer, "Cookie: a="+strings.Repeat("b", 4000)+"\r\n")
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nAuthorization: Bearer ") || strings.Contains(got, bearer) || !strings.Contains(got, "\r\nX-Itsme-Nationality: xxx") || !strings.Contains(got, "\r\nCookie: a=bbb") {
		t.Errorf("%d %.300s, the service got %d bytes", answer.Status, answer.Body, len(got))
	}
}

// TestStepUp: a user whose login does not meet require gets the gateway's own challenge, through nginx.
func TestStepUp(t *testing.T) {
	e := run(t)
	low := "Authorization: Bearer " + e.NewApp().Login(t, "low") + "\r\n"
	answer, got := e.ask(t, "POST", "/api", low, "Content-Length: 4\r\n\r\nbody")
	if answer.Status != http.StatusUnauthorized || !strings.Contains(answer.Header.Get("WWW-Authenticate"), `acr_values="substantial"`) || got != "" {
		t.Errorf("%d %v, the service got %q", answer.Status, answer.Header, got)
	}
}

// TestClientCannotSupplyIdentityThroughNginx sends identity headers in every spelling that nginx or the
// service may accept, for a user without that claim and for a user with it.
func TestClientCannotSupplyIdentityThroughNginx(t *testing.T) {
	e := run(t)
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "mononym") + "\r\n" // no first name, no birth date, no e-mail
	honest, got := e.ask(t, "GET", "/", bearer)
	if honest.Status != http.StatusOK || !strings.Contains(got, "X-Itsme-Name: Suharto\r\n") || strings.Contains(got, "X-Itsme-Given-Name") {
		t.Fatalf("the honest request: %d %q", honest.Status, got)
	}
	names := []string{"X-Itsme-Subject", "X-Itsme-Acr", "X-Itsme-Auth-Time", "X-Itsme-Email-Verified"}
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
			if answer.Status != http.StatusOK || strings.Contains(got, "forged") {
				t.Errorf("%q: %d, the service got %q", line, answer.Status, got)
			}
			if answer, got := e.ask(t, "GET", "/", line); answer.Status != http.StatusUnauthorized || got != "" {
				t.Errorf("%q without a login: %d, the service got %q", line, answer.Status, got)
			}
		}
		if _, got := e.ask(t, "GET", "/", bearer, "Connection: "+name+"\r\n"); !strings.Contains(got, "X-Itsme-Name: Suharto\r\n") {
			t.Errorf("Connection: %s takes a header away: %q", name, got)
		}
	}
}

// TestBrowsersCookieStaysFromTheService: with the cookie, a reader of the service's log could act as the user.
func TestBrowsersCookieStaysFromTheService(t *testing.T) {
	e := run(t)
	b := e.NewBrowser(t)
	b.Login(t, "/", "adult")
	e.service.Take()
	cookie := b.Cookie(t)
	if cookie == "" {
		t.Fatal("the browser has no cookie")
	}
	_, got := e.ask(t, "GET", "/", "Cookie: a=b; "+cookie+"; c=d\r\n")
	if !strings.Contains(got, "\r\nCookie: a=b; c=d\r\n") || strings.Contains(got, cookie) {
		t.Errorf("the service got %q", got)
	}
}

// TestOtherSitesWriteNothingThroughNginx has another site post with the user's cookie. nginx asks the gateway
// with GET, whatever the method is: only Origin shows the attack.
func TestOtherSitesWriteNothingThroughNginx(t *testing.T) {
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
	if answer, got := e.ask(t, "POST", "/", cookie, "Origin: "+e.URL+"\r\n", "Content-Length: 4\r\n\r\nbody"); answer.Status != http.StatusOK || !strings.HasSuffix(got, "body") {
		t.Errorf("the site's own post: %d, the service got %q", answer.Status, got)
	}
}

// TestClientsCannotReachVerify requests /verify through nginx, which the gateway trusts. A script on the site
// would get the token that an HttpOnly cookie hides from it.
func TestClientsCannotReachVerify(t *testing.T) {
	e := run(t)
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "adult") + "\r\n"
	for _, target := range []string{
		"/itsme/verify", "/itsme/verify/", "/itsme/verify/x", "/itsme/verify?x", "/itsme//verify", "//itsme/verify", "/itsme/./verify", "/x/../itsme/verify",
		"/itsme/%76erify", "/itsme%2fverify", "/itsme/x/..%2fverify", "/itsme/%2e/verify", "/itsme/verify%00", "/itsme/login/../verify",
	} {
		answer, got := e.ask(t, "GET", target, bearer)
		if answer.Status == http.StatusOK || answer.Header.Get("X-Itsme-Subject") != "" || answer.Header.Get("Authorization") != "" || got != "" {
			t.Errorf("%s: %d %v, the service got %q", target, answer.Status, answer.Header, got)
		}
	}
}

// TestClientsCannotReachIntrospection requests /introspect through nginx, which the gateway trusts. A client could
// ask there which of many texts are tokens.
func TestClientsCannotReachIntrospection(t *testing.T) {
	e := run(t)
	form := "token=" + e.NewApp().Login(t, "adult")
	for _, target := range []string{
		"/itsme/introspect", "/itsme/introspect?x", "/itsme//introspect", "/itsme/./introspect", "/x/../itsme/introspect", "/itsme/%69ntrospect",
		"/itsme%2fintrospect", "/itsme/introspect/", "/itsme/introspect%00", "/itsme/INTROSPECT",
	} {
		answer, got := e.ask(t, "POST", target, "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Length: "+strconv.Itoa(len(form))+"\r\n\r\n"+form)
		if answer.Status == http.StatusOK || strings.Contains(answer.Raw, "active") || got != "" {
			t.Errorf("%s: %q, the service got %q", target, answer.Raw, got)
		}
	}
}

// TestCachesShareNoUsersPageThroughNginx gives nginx a cache, and the service sends fields that let every cache store.
// Each user gets their own page, and no cache in front of nginx may store it.
func TestCachesShareNoUsersPageThroughNginx(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Edge-Control", "X-LiteSpeed-Cache-Control"} {
			w.Header().Set(name, "max-age=600")
		}
		w.Header().Set("X-Accel-Expires", "600")
		w.Header().Set("Cache-Control", r.URL.Query().Get("cache"))
		_, _ = io.WriteString(w, "page of "+r.Header.Get("X-Itsme-Name"))
	}))
	t.Cleanup(service.Close)
	e := runWith(t, []string{
		"events {}", "user root;\nevents {}", "variables_hash_max_size", "proxy_cache_path cache keys_zone=c:1m;\n\tvariables_hash_max_size",
		"auth_request /itsme/verify;", "auth_request /itsme/verify;\n\t\t\tproxy_cache c;\n\t\t\tproxy_cache_valid 200 10m;",
		"server 127.0.0.1:9000;", "server " + service.Listener.Addr().String() + "; # not 127.0.0.1:9000",
	})
	users := map[string]string{"adult": "Lien Peeters", "mononym": "Suharto"}
	for persona := range users {
		users[persona] += "\x00Authorization: Bearer " + e.NewApp().Login(t, persona) + "\r\n"
	}
	for cache, want := range map[string]string{
		"": "private", "public,max-age=600,s-maxage=600": "private", `private="X-Foo"`: "private", "no-cache": "private, no-cache", "public,No-Store": "private, no-store",
	} {
		for persona, user := range users {
			name, bearer, _ := strings.Cut(user, "\x00")
			for range 2 {
				answer, _ := e.ask(t, "GET", "/?cache="+url.QueryEscape(cache), bearer)
				if answer.Body != "page of "+name || !slices.Equal(answer.Header["Cache-Control"], []string{want}) {
					t.Errorf("%q: %s gets %d %q with Cache-Control %q", cache, persona, answer.Status, answer.Body, answer.Header["Cache-Control"])
				}
				for field := range answer.Header {
					if gateway.Targeted(field) || field == "Itsme-Cache" {
						t.Errorf("%q: %s: %q", cache, field, answer.Header[field])
					}
				}
			}
		}
	}
}

// TestProxyThatIsNoPeerLearnsNothing removes nginx from the list of verify: then no request reaches the service.
func TestProxyThatIsNoPeerLearnsNothing(t *testing.T) {
	e := run(t, "verify 127.0.0.1", "verify 127.0.0.2 192.0.2.0/24")
	bearer := "Authorization: Bearer " + e.NewApp().Login(t, "adult") + "\r\n"
	for _, claim := range []string{"", "X-Forwarded-For: 127.0.0.2\r\n", "Forwarded: for=127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\n"} {
		if answer, got := e.ask(t, "GET", "/", bearer, claim); answer.Status != http.StatusForbidden || got != "" {
			t.Errorf("%q: %d %s, the service got %q", claim, answer.Status, answer.Body, got)
		}
	}
}

// TestEveryHeaderIsCopied: nginx would pass on the client's own header for each one that is missing.
func TestEveryHeaderIsCopied(t *testing.T) {
	t.Parallel()
	text := exampletest.Read(t, "identity.conf")
	names := []string{"Authorization", "Cookie", "X-Itsme-Subject", "X-Itsme-Acr", "X-Itsme-Auth-Time", "X-Itsme-Email-Verified"}
	for _, a := range attribute.All() {
		names = append(names, a.Header())
	}
	for _, name := range names {
		variable := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		for _, line := range []string{
			"auth_request_set $gateway_" + variable + " $upstream_http_" + variable + ";\n",
			"proxy_set_header " + name + " $gateway_" + variable + ";\n",
		} {
			if strings.Count(text, line) != 1 {
				t.Errorf("identity.conf does not have once: %s", line)
			}
		}
	}
	if n := strings.Count(text, "proxy_set_header"); n != len(names) {
		t.Errorf("identity.conf copies %d headers, the gateway sends %d", n, len(names))
	}
}
