//go:build unix

package nginx_test

import (
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
)

const navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"

// TestLogin plays an app and a browser from the first request to the logout.
func TestLogin(t *testing.T) {
	s := run(t)
	refused, got := s.ask(t, "GET", "/api?x=1")
	if refused.Status != http.StatusUnauthorized || !strings.HasPrefix(refused.Header.Get("WWW-Authenticate"), "Bearer") || got != "" {
		t.Errorf("without a login: %d %v, the service got %q", refused.Status, refused.Header, got)
	}
	sent, got := s.ask(t, "GET", "/account?tab=2&x=1", navigation)
	if sent.Status != http.StatusSeeOther || sent.Header.Get("Location") != s.URL+"/itsme/login?acr_values=substantial&return_to=%2Faccount%3Ftab%3D2%26x%3D1" || got != "" {
		t.Errorf("a browser without a login: %d %v, the service got %q", sent.Status, sent.Header, got)
	}

	app := s.NewApp()
	bearer := "Authorization: Bearer " + app.Login(t, "adult") + "\r\n"
	answer, got := s.ask(t, "GET", "/api", bearer)
	if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nX-Itsme-Name: Lien Peeters\r\n") || !strings.Contains(got, "\r\n"+bearer) {
		t.Errorf("with a token: %d, the service got %q", answer.Status, got)
	}

	b := s.NewBrowser(t)
	if page := b.Login(t, "/account", "adult"); page.Status != http.StatusOK || page.Body != rawhttptest.Body {
		t.Fatalf("the browser's page: %d %s", page.Status, page.Body)
	}
	got = strings.Join(s.service.Take(), "")
	if !strings.Contains(got, "\r\nX-Itsme-Name: Lien Peeters\r\n") || !strings.Contains(got, "\r\nAuthorization: Bearer ") || strings.Contains(got, "Cookie") {
		t.Errorf("with a cookie the service got %q", got)
	}
	if log := read(t, s.log); !strings.Contains(log, "GET /account ") || strings.Contains(log, "code=") || strings.Contains(log, "state=") {
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
	if answer, got := s.ask(t, "GET", "/api", "Authorization: "+forwarded+"\r\n"); answer.Status != http.StatusUnauthorized || got != "" {
		t.Errorf("the service's token after logout: %d, the service got %q", answer.Status, got)
	}
}

// TestStepUp: who is not enough is told what is missing by the gateway itself, through nginx.
func TestStepUp(t *testing.T) {
	s := run(t)
	low := "Authorization: Bearer " + s.NewApp().Login(t, "low") + "\r\n"
	answer, got := s.ask(t, "POST", "/api", low, "Content-Length: 4\r\n\r\nbody")
	if answer.Status != http.StatusUnauthorized || !strings.Contains(answer.Header.Get("WWW-Authenticate"), `acr_values="substantial"`) || got != "" {
		t.Errorf("%d %v, the service got %q", answer.Status, answer.Header, got)
	}
}

// TestClientCannotSupplyIdentityThroughNginx writes identity headers in every spelling that nginx or
// the service may take for one, for a person who has no such claim as for one who has.
func TestClientCannotSupplyIdentityThroughNginx(t *testing.T) {
	s := run(t)
	bearer := "Authorization: Bearer " + s.NewApp().Login(t, "mononym") + "\r\n" // no first name, no birth date, no e-mail
	honest, got := s.ask(t, "GET", "/", bearer)
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
			answer, got := s.ask(t, "GET", "/", bearer, line)
			if answer.Status != http.StatusOK || strings.Contains(got, "forged") {
				t.Errorf("%q: %d, the service got %q", line, answer.Status, got)
			}
			if answer, got := s.ask(t, "GET", "/", line); answer.Status != http.StatusUnauthorized || got != "" {
				t.Errorf("%q without a login: %d, the service got %q", line, answer.Status, got)
			}
		}
		if _, got := s.ask(t, "GET", "/", bearer, "Connection: "+name+"\r\n"); !strings.Contains(got, "X-Itsme-Name: Suharto\r\n") {
			t.Errorf("Connection: %s takes a header away: %q", name, got)
		}
	}
}

// TestBrowsersCookieStaysFromTheService: whoever reads the service's log would be the person.
func TestBrowsersCookieStaysFromTheService(t *testing.T) {
	s := run(t)
	b := s.NewBrowser(t)
	b.Login(t, "/", "adult")
	s.service.Take()
	cookie := b.Cookie(t)
	if cookie == "" {
		t.Fatal("the browser has no cookie")
	}
	_, got := s.ask(t, "GET", "/", "Cookie: a=b; "+cookie+"; c=d\r\n")
	if !strings.Contains(got, "\r\nCookie: a=b; c=d\r\n") || strings.Contains(got, cookie) {
		t.Errorf("the service got %q", got)
	}
}

// TestOtherSitesWriteNothingThroughNginx has another site post with the person's cookie. nginx asks
// with GET whatever the method is, so that only Origin tells.
func TestOtherSitesWriteNothingThroughNginx(t *testing.T) {
	s := run(t)
	b := s.NewBrowser(t)
	b.Login(t, "/", "adult")
	s.service.Take()
	cookie := "Cookie: " + b.Cookie(t) + "\r\n"
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:8080"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
			answer, got := s.ask(t, method, "/", cookie, "Origin: "+origin+"\r\n", "Content-Length: 0\r\n")
			if answer.Status != http.StatusForbidden || got != "" {
				t.Errorf("%s from %s: %d, the service got %q", method, origin, answer.Status, got)
			}
		}
	}
	if answer, got := s.ask(t, "POST", "/", cookie, "Origin: "+s.URL+"\r\n", "Content-Length: 4\r\n\r\nbody"); answer.Status != http.StatusOK || !strings.HasSuffix(got, "body") {
		t.Errorf("the site's own post: %d, the service got %q", answer.Status, got)
	}
}

// TestNobodyOutsideReachesVerify asks /verify through nginx, which the gateway trusts: a script on the
// site would learn the token that the cookie hides from it.
func TestNobodyOutsideReachesVerify(t *testing.T) {
	s := run(t)
	bearer := "Authorization: Bearer " + s.NewApp().Login(t, "adult") + "\r\n"
	for _, target := range []string{
		"/itsme/verify", "/itsme/verify/", "/itsme/verify/x", "/itsme/verify?x", "/itsme//verify", "//itsme/verify", "/itsme/./verify", "/x/../itsme/verify",
		"/itsme/%76erify", "/itsme%2fverify", "/itsme/x/..%2fverify", "/itsme/%2e/verify", "/itsme/verify%00", "/itsme/login/../verify",
	} {
		answer, got := s.ask(t, "GET", target, bearer)
		if answer.Status == http.StatusOK || answer.Header.Get("X-Itsme-Subject") != "" || answer.Header.Get("Authorization") != "" || got != "" {
			t.Errorf("%s: %d %v, the service got %q", target, answer.Status, answer.Header, got)
		}
	}
}

// TestCachesShareNoUsersPageThroughNginx gives nginx a cache of its own, and the service answers that every cache may
// store. Each user gets their own page, and no cache in front of nginx may store it.
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
	s := runWith(t, []string{
		"events {}", "user root;\nevents {}", "variables_hash_max_size", "proxy_cache_path cache keys_zone=c:1m;\n\tvariables_hash_max_size",
		"auth_request /itsme/verify;", "auth_request /itsme/verify;\n\t\t\tproxy_cache c;\n\t\t\tproxy_cache_valid 200 10m;",
		"server 127.0.0.1:9000;", "server " + service.Listener.Addr().String() + "; # not 127.0.0.1:9000",
	})
	users := map[string]string{"adult": "Lien Peeters", "mononym": "Suharto"}
	for persona := range users {
		users[persona] += "\x00Authorization: Bearer " + s.NewApp().Login(t, persona) + "\r\n"
	}
	for cache, want := range map[string]string{
		"": "private", "public,max-age=600,s-maxage=600": "private", `private="X-Foo"`: "private", "no-cache": "private, no-cache", "public,No-Store": "private, no-store",
	} {
		for persona, user := range users {
			name, bearer, _ := strings.Cut(user, "\x00")
			for range 2 {
				answer, _ := s.ask(t, "GET", "/?cache="+url.QueryEscape(cache), bearer)
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

// TestProxyThatIsNoPeerLearnsNothing takes nginx off the list: then nobody gets through.
func TestProxyThatIsNoPeerLearnsNothing(t *testing.T) {
	s := run(t, "verify 127.0.0.1", "verify 127.0.0.2 192.0.2.0/24")
	bearer := "Authorization: Bearer " + s.NewApp().Login(t, "adult") + "\r\n"
	for _, claim := range []string{"", "X-Forwarded-For: 127.0.0.2\r\n", "Forwarded: for=127.0.0.2\r\nX-Real-IP: 127.0.0.2\r\n"} {
		if answer, got := s.ask(t, "GET", "/", bearer, claim); answer.Status != http.StatusForbidden || got != "" {
			t.Errorf("%q: %d %s, the service got %q", claim, answer.Status, answer.Body, got)
		}
	}
}

// TestEveryHeaderIsCopied: of a header that is not, nginx would pass on the client's own.
func TestEveryHeaderIsCopied(t *testing.T) {
	t.Parallel()
	text := read(t, "identity.conf")
	names := []string{"Authorization", "Cookie", "X-Itsme-Subject", "X-Itsme-Acr", "X-Itsme-Auth-Time", "X-Itsme-Email-Verified"}
	for _, a := range attribute.All() {
		names = append(names, a.Header())
	}
	for _, name := range names {
		variable := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		for _, line := range []string{
			"auth_request_set $told_" + variable + " $upstream_http_" + variable + ";\n",
			"proxy_set_header " + name + " $told_" + variable + ";\n",
		} {
			if strings.Count(text, line) != 1 {
				t.Errorf("identity.conf does not have once: %s", line)
			}
		}
	}
	if n := strings.Count(text, "proxy_set_header"); n != len(names) {
		t.Errorf("identity.conf copies %d headers, the gateway tells %d", n, len(names))
	}
}
