package attack_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestTokenCountsInAuthorizationAlone sends a good token wherever else a server may look for one, so
// that it would end in a log, a Referer or a cache.
func TestTokenCountsInAuthorizationAlone(t *testing.T) {
	v := openVault(t)
	raw := v.access(v.URL, "victim")
	for name, lines := range map[string]string{
		"X-Authorization":        "X-Authorization: Bearer " + raw + "\r\n",
		"Proxy-Authorization":    "Proxy-Authorization: Bearer " + raw + "\r\n",
		"another spelling":       "Authorization_: Bearer " + raw + "\r\n",
		"a cookie of its own":    "Cookie: access_token=" + raw + "\r\n",
		"a WebSocket's protocol": "Sec-WebSocket-Protocol: bearer, " + raw + "\r\n",
		"another scheme":         "Authorization: DPoP " + raw + "\r\n",
		"no scheme":              "Authorization: " + raw + "\r\n",
		"Basic's password":       "Authorization: Basic " + base64url(":"+raw) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			v.wantRefused(t, v.ask(http.MethodGet, "/", lines), http.StatusUnauthorized)
		})
	}
	t.Run("the query", func(t *testing.T) {
		for _, name := range []string{"access_token", "token", "bearer", "Authorization"} {
			v.wantRefused(t, v.ask(http.MethodGet, "/?"+name+"="+raw), http.StatusUnauthorized)
		}
	})
	t.Run("the body", func(t *testing.T) {
		form := "access_token=" + raw
		for _, target := range []string{"/", "/itsme/userinfo"} {
			answer := v.send(http.MethodPost, target, form,
				"Content-Type: application/x-www-form-urlencoded\r\n", "Content-Length: "+strconv.Itoa(len(form))+"\r\n")
			v.wantRefused(t, answer, http.StatusUnauthorized)
		}
	})
}

// TestTwoAuthorizationLinesAreRefused sends two, of which a server behind may read the other one.
func TestTwoAuthorizationLinesAreRefused(t *testing.T) {
	v := openVault(t)
	good, other := bearerLine(v.access(v.URL, "victim")), bearerLine(v.access(v.URL, "attacker"))
	for name, lines := range map[string]string{
		"two tokens":            good + other,
		"the same one twice":    good + good,
		"a bad one first":       bearerLine("x.y.z") + good,
		"a bad one last":        good + bearerLine("x.y.z"),
		"Basic first":           "Authorization: Basic dTpw\r\n" + good,
		"Basic last":            good + "Authorization: Basic dTpw\r\n",
		"an empty one":          good + "Authorization:\r\n",
		"another case":          good + strings.Replace(other, "Authorization", "aUTHORIZATION", 1),
		"a good cookie besides": good + other + cookieLine(v.session(v.URL, "victim")),
	} {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/", "/optional/", "/itsme/userinfo"} {
				v.wantRefused(t, v.ask(http.MethodGet, target, lines), http.StatusBadRequest)
			}
		})
	}
}

// TestSpellingOfBearerIsNoWayAround writes the scheme as some server takes it for the same. One that
// is RFC 9110's counts, and the upstream sees it as every other; any other is a bad token, never no
// token with the cookie in its place.
func TestSpellingOfBearerIsNoWayAround(t *testing.T) {
	v := openVault(t)
	raw, cookie := v.access(v.URL, "victim"), cookieLine(v.session(v.URL, "somebody"))
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    ", "  Bearer "} {
		answer := v.ask(http.MethodGet, "/", "Authorization: "+scheme+raw+"\r\n", cookie)
		got := strings.Join(v.upstream.Take(), "")
		if answer.Status != http.StatusOK || !strings.Contains(got, "\r\nAuthorization: Bearer "+raw+"\r\n") || !strings.Contains(got, "X-Itsme-Subject: victim\r\n") {
			t.Errorf("%q: %d, the upstream got %q", scheme, answer.Status, got)
		}
		v.wantRefused(t, v.ask(http.MethodGet, "/", "Authorization: "+scheme+"x.y.z\r\n", cookie), http.StatusUnauthorized)
	}
	for _, value := range []string{
		"Bearer\t" + raw, "Bearer," + raw, "Bearer=" + raw, "Bearer:" + raw, `Bearer "` + raw + `"`, "Bearer " + raw + "\t", "Bearer \t" + raw, "Bearer: " + raw, "Bearer,x " + raw, "Bearer\t " + raw, "Bearer\xa0 " + raw,
		"Bearer", "Bearer Bearer " + raw, "Bearer " + raw + ", Basic dTpw", "Bearer token=" + raw,
	} {
		answer := v.ask(http.MethodGet, "/", "Authorization: "+value+"\r\n", cookie)
		if value == "Bearer "+raw+"\t" { // blanks around a header's value are no part of it
			v.wantSubject(t, answer, "victim")
			continue
		}
		v.wantRefused(t, answer, http.StatusUnauthorized)
	}
}

// TestBearerCountsWhateverTheCookieSays has the two disagree.
func TestBearerCountsWhateverTheCookieSays(t *testing.T) {
	v := openVault(t)
	bearer, cookie := bearerLine(v.access(v.URL, "bearer")), cookieLine(v.session(v.URL, "cookie"))
	v.wantSubject(t, v.ask(http.MethodGet, "/", bearer, cookie), "bearer")
	v.wantSubject(t, v.ask(http.MethodGet, "/", cookie, bearer), "bearer")
	v.wantSubject(t, v.ask(http.MethodGet, "/", cookieLine("garbage"), bearer), "bearer")
	v.wantSubject(t, v.ask(http.MethodGet, "/", "Authorization: Basic dTpw\r\n", cookie), "cookie")
	v.wantRefused(t, v.ask(http.MethodGet, "/", bearerLine("garbage"), cookie), http.StatusUnauthorized)
	v.wantRefused(t, v.ask(http.MethodGet, "/", cookieLine("garbage")), http.StatusUnauthorized)
}

// TestLogoutEndsEveryTokenOfTheLogin ends a browser's login, then presents the cookie and the token
// that the upstream got for it, as whoever had seen either would; and the same the other way round.
func TestLogoutEndsEveryTokenOfTheLogin(t *testing.T) {
	v := openVault(t)
	for name, logout := range map[string]func(cookie, bearer string) string{
		"with the cookie":             func(cookie, _ string) string { return cookie + "Origin: " + v.URL + "\r\n" },
		"with the token made from it": func(_, bearer string) string { return bearer },
	} {
		t.Run(name, func(t *testing.T) {
			cookie, other := cookieLine(v.session(v.URL, "victim")), cookieLine(v.session(v.URL, "victim"))
			minted := v.minted(t, cookie)
			v.wantSubject(t, v.ask(http.MethodGet, "/", minted), "victim")
			if answer := v.ask(http.MethodPost, "/itsme/logout", logout(cookie, minted), "Content-Length: 0\r\n"); answer.Status != http.StatusNoContent {
				t.Fatalf("logout: %d %s", answer.Status, answer.Body)
			}
			v.wantRefused(t, v.ask(http.MethodGet, "/", minted), http.StatusUnauthorized)
			v.wantRefused(t, v.ask(http.MethodGet, "/", cookie), http.StatusUnauthorized)
			v.wantRefused(t, v.ask(http.MethodGet, "/itsme/userinfo", minted), http.StatusUnauthorized)
			v.wantSubject(t, v.ask(http.MethodGet, "/", other), "victim")
		})
	}
}

// minted is the line of the token that the upstream gets for a cookie.
func (v *vault) minted(t *testing.T, cookie string) string {
	t.Helper()
	v.ask(http.MethodGet, "/", cookie)
	_, rest, ok := strings.Cut(strings.Join(v.upstream.Take(), ""), "\r\nAuthorization: ")
	raw, _, _ := strings.Cut(rest, "\r\n")
	if !ok {
		t.Fatal("the upstream got no token")
	}
	return "Authorization: " + raw + "\r\n"
}
