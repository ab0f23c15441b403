package attack_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestTokenCountsInAuthorizationAlone sends a valid token everywhere else that a server might read it. A
// gateway that accepts it there leads clients to put tokens where logs, Referer headers and caches keep them.
func TestTokenCountsInAuthorizationAlone(t *testing.T) {
	e := newTwinEnv(t)
	raw := e.access(e.URL, "victim")
	for name, lines := range map[string]string{
		"X-Authorization":        "X-Authorization: Bearer " + raw + "\r\n",
		"Proxy-Authorization":    "Proxy-Authorization: Bearer " + raw + "\r\n",
		"another spelling":       "Authorization_: Bearer " + raw + "\r\n",
		"a cookie of its own":    "Cookie: access_token=" + raw + "\r\n",
		"a WebSocket's protocol": "Sec-WebSocket-Protocol: bearer, " + raw + "\r\n",
		"another scheme":         "Authorization: Token " + raw + "\r\n",
		"no scheme":              "Authorization: " + raw + "\r\n",
		"Basic's password":       "Authorization: Basic " + base64url(":"+raw) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			e.wantRefused(t, e.ask(http.MethodGet, "/", lines), http.StatusUnauthorized)
		})
	}
	t.Run("DPoP, without a key", func(t *testing.T) {
		answer := e.ask(http.MethodGet, "/", "Authorization: DPoP "+raw+"\r\n")
		if got := e.upstream.Take(); answer.Status != http.StatusUnauthorized || len(got) != 0 {
			t.Errorf("%d, and the upstream got %q", answer.Status, got)
		}
	})
	t.Run("the query", func(t *testing.T) {
		for _, name := range []string{"access_token", "token", "bearer", "Authorization"} {
			e.wantRefused(t, e.ask(http.MethodGet, "/?"+name+"="+raw), http.StatusUnauthorized)
		}
	})
	t.Run("the body", func(t *testing.T) {
		form := "access_token=" + raw
		for _, target := range []string{"/", "/itsme/userinfo"} {
			answer := e.send(head(http.MethodPost, target, e.host,
				"Content-Type: application/x-www-form-urlencoded\r\n", "Content-Length: "+strconv.Itoa(len(form))+"\r\n") + "\r\n" + form)
			e.wantRefused(t, answer, http.StatusUnauthorized)
		}
	})
}

// TestTwoAuthorizationLinesAreRefused has an attacker send two Authorization lines. The upstream might read
// the line that the gateway did not.
func TestTwoAuthorizationLinesAreRefused(t *testing.T) {
	e := newTwinEnv(t)
	good, other := bearerLine(e.access(e.URL, "victim")), bearerLine(e.access(e.URL, "attacker"))
	for name, lines := range map[string]string{
		"two tokens":            good + other,
		"the same one twice":    good + good,
		"a bad one first":       bearerLine("x.y.z") + good,
		"a bad one last":        good + bearerLine("x.y.z"),
		"Basic first":           "Authorization: Basic dTpw\r\n" + good,
		"Basic last":            good + "Authorization: Basic dTpw\r\n",
		"an empty one":          good + "Authorization:\r\n",
		"another case":          good + strings.Replace(other, "Authorization", "aUTHORIZATION", 1),
		"a good cookie besides": good + other + cookieLine(e.session(e.URL, "victim")),
	} {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/", "/optional/", "/itsme/userinfo"} {
				e.wantRefused(t, e.ask(http.MethodGet, target, lines), http.StatusBadRequest)
			}
		})
	}
}

// TestSpellingOfBearerIsNoWayAround spells the scheme as different servers accept it. The gateway accepts the
// spellings of RFC 9110 and sends the upstream one spelling, with a token of its own. Every other spelling is a bad token. It never
// makes the gateway use the cookie instead.
func TestSpellingOfBearerIsNoWayAround(t *testing.T) {
	e := newTwinEnv(t)
	raw, cookie := e.access(e.URL, "victim"), cookieLine(e.session(e.URL, "another"))
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    ", "  Bearer "} {
		answer := e.ask(http.MethodGet, "/", "Authorization: "+scheme+raw+"\r\n", cookie)
		got := strings.Join(e.upstream.Take(), "")
		if answer.Status != http.StatusOK || strings.Count(got, "\r\nAuthorization: Bearer ey") != 1 || strings.Contains(got, raw) || !strings.Contains(got, "X-Itsme-Subject: victim\r\n") {
			t.Errorf("%q: %d, the upstream got %q", scheme, answer.Status, got)
		}
		e.wantRefused(t, e.ask(http.MethodGet, "/", "Authorization: "+scheme+"x.y.z\r\n", cookie), http.StatusUnauthorized)
	}
	for _, value := range []string{
		"Bearer\t" + raw, "Bearer," + raw, "Bearer=" + raw, "Bearer:" + raw, `Bearer "` + raw + `"`, "Bearer " + raw + "\t", "Bearer \t" + raw, "Bearer: " + raw, "Bearer,x " + raw, "Bearer\t " + raw, "Bearer\xa0 " + raw,
		"Bearer", "Bearer Bearer " + raw, "Bearer " + raw + ", Basic dTpw", "Bearer token=" + raw,
	} {
		answer := e.ask(http.MethodGet, "/", "Authorization: "+value+"\r\n", cookie)
		if value == "Bearer "+raw+"\t" { // blanks around the value of a header do not belong to it
			e.wantSubject(t, answer, "victim")
			continue
		}
		e.wantRefused(t, answer, http.StatusUnauthorized)
	}
}

// TestBearerCountsWhateverTheCookieSays sends a token and a cookie of different users. The token decides.
func TestBearerCountsWhateverTheCookieSays(t *testing.T) {
	e := newTwinEnv(t)
	bearer, cookie := bearerLine(e.access(e.URL, "bearer")), cookieLine(e.session(e.URL, "cookie"))
	e.wantSubject(t, e.ask(http.MethodGet, "/", bearer, cookie), "bearer")
	e.wantSubject(t, e.ask(http.MethodGet, "/", cookie, bearer), "bearer")
	e.wantSubject(t, e.ask(http.MethodGet, "/", cookieLine("garbage"), bearer), "bearer")
	e.wantSubject(t, e.ask(http.MethodGet, "/", "Authorization: Basic dTpw\r\n", cookie), "cookie")
	e.wantRefused(t, e.ask(http.MethodGet, "/", bearerLine("garbage"), cookie), http.StatusUnauthorized)
	e.wantRefused(t, e.ask(http.MethodGet, "/", cookieLine("garbage")), http.StatusUnauthorized)
}

// TestLogoutEndsEveryTokenOfTheLogin logs a browser out. An attacker then presents its cookie, another token of the
// login, and the token that the upstream got. Logging out with the other token ends the cookie, too.
func TestLogoutEndsEveryTokenOfTheLogin(t *testing.T) {
	e := newTwinEnv(t)
	for name, logout := range map[string]func(cookie, bearer string) string{
		"with the cookie":        func(cookie, _ string) string { return cookie + "Origin: " + e.URL + "\r\n" },
		"with the token besides": func(_, bearer string) string { return bearer },
	} {
		t.Run(name, func(t *testing.T) {
			cookie, bearer := e.sameLogin(t, "victim")
			other := cookieLine(e.session(e.URL, "victim"))
			minted := e.upstreamToken(t, cookie)
			e.wantSubject(t, e.ask(http.MethodGet, "/", bearer), "victim")
			if answer := e.ask(http.MethodPost, "/itsme/logout", logout(cookie, bearer), "Content-Length: 0\r\n"); answer.Status != http.StatusNoContent {
				t.Fatalf("logout: %d %s", answer.Status, answer.Body)
			}
			for _, credential := range []string{bearer, cookie, minted} {
				e.wantRefused(t, e.ask(http.MethodGet, "/", credential), http.StatusUnauthorized)
				e.wantRefused(t, e.ask(http.MethodGet, "/itsme/userinfo", credential), http.StatusUnauthorized)
			}
			e.wantSubject(t, e.ask(http.MethodGet, "/", other), "victim")
		})
	}
}

// sameLogin returns the lines of a cookie and of an access token of one login.
func (e *env) sameLogin(t *testing.T, subject string) (cookie, bearer string) {
	t.Helper()
	authority := newAuthority(t, e.URL, e.keys, time.Now)
	claims := token.Claims{ID: authority.NewID(), Subject: subject, ACR: "high", AuthTime: time.Now()}
	session, issued, err := authority.IssueSession(claims)
	if err != nil {
		t.Fatal(err)
	}
	claims.ID = issued.ID + "." + authority.NewID()
	access, _, err := authority.IssueAccess(claims)
	if err != nil {
		t.Fatal(err)
	}
	return cookieLine(session), bearerLine(access)
}

// upstreamToken returns the Authorization line that the upstream gets for a cookie.
func (e *env) upstreamToken(t *testing.T, cookie string) string {
	t.Helper()
	e.ask(http.MethodGet, "/", cookie)
	_, rest, ok := strings.Cut(strings.Join(e.upstream.Take(), ""), "\r\nAuthorization: ")
	raw, _, _ := strings.Cut(rest, "\r\n")
	if !ok {
		t.Fatal("the upstream got no token")
	}
	return "Authorization: " + raw + "\r\n"
}
