package attack_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// badCookies are Cookie lines whose session cookie is forged, expired or ambiguous.
func (e *env) badCookies(t *testing.T) map[string]string {
	t.Helper()
	line := func(value string) string { return "Cookie: " + sessionCookie + "=" + value + "\r\n" }
	good := strings.TrimSpace(strings.TrimPrefix(e.cookie(nil), "Cookie: "+sessionCookie+"="))
	issue := func(inForce *token.Keys, now func() time.Time) string {
		raw, _, err := newAuthority(t, appURL, inForce, now).IssueSession(personClaims(nil))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	past := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	parts := strings.Split(good, ".")
	without := func(i int) string {
		left := slices.Clone(parts)
		left[i] = ""
		return line(strings.Join(left, "."))
	}
	changed := slices.Clone(parts)
	changed[3] = strings.ToUpper(changed[3][:10]) + changed[3][10:]
	return map[string]string{
		"empty":                          line(""),
		"garbage":                        line("x"),
		"stale":                          line(issue(e.keys, past)),
		"of another key":                 line(issue(keystest.Parse(t, keystest.PEM(t)), time.Now)),
		"without its tag":                without(4),
		"without its key":                without(1),
		"with another content":           line(strings.Join(changed, ".")),
		"of a release before encryption": line(e.signedCookie(t)),
		"of 7 kB":                        line(strings.Repeat("a", 7<<10)),
		"unreadable":                     line("a\"b\\\x80"),
		"in quotes":                      line(`"` + good + `"`),
		"behind 3,001 others":            "Cookie: " + strings.Repeat("a=b; ", 3001) + sessionCookie + "=x\r\n",
		"a bearer token":                 line(strings.TrimSpace(strings.TrimPrefix(e.bearer(nil), "Authorization: Bearer "))),
		"sent twice":                     "Cookie: " + sessionCookie + "=" + good + "; " + sessionCookie + "=" + good + "\r\n",
		"sent twice, one bad":            "Cookie: " + sessionCookie + "=x; a=b; " + sessionCookie + "=" + good + "\r\n",
		"sent in two lines":              line(good) + line("x"),
	}
}

// signedCookie returns a session token as it was before encryption, signed by the gateway's own key.
func (e *env) signedCookie(t *testing.T) string {
	t.Helper()
	access, _, err := e.authority.IssueAccess(personClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(payload), `"aud":"`+appURL+`"`, `"aud":"`+appURL+`/itsme"`, 1)
	return e.forge(`{"alg":"ES256","typ":"session+jwt","kid":"`+e.keys.KeySet().Current().ID()+`"}`, own)
}

// TestBadCookieIsClearedAndNeverLoops has a browser send a cookie that is no login: planted by an attacker,
// altered or expired. The gateway treats it as no cookie and deletes it. The browser is sent to the login page
// once, and the user can log in there.
func TestBadCookieIsClearedAndNeverLoops(t *testing.T) {
	e := newAppEnv(t, crossSites)
	const cleared = sessionCookie + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	for name, line := range e.badCookies(t) {
		t.Run(name, func(t *testing.T) {
			sent := e.ask(http.MethodGet, "/page", navigation, line)
			if sent.Status != http.StatusSeeOther || sent.Header.Get("Set-Cookie") != cleared {
				t.Fatalf("the page: %d, sets %q", sent.Status, sent.Header["Set-Cookie"])
			}
			for _, cookie := range []string{"", line} { // the browser deleted the cookie, or did not
				page := e.ask(http.MethodGet, strings.TrimPrefix(sent.Header.Get("Location"), appURL), navigation, cookie)
				if page.Status != http.StatusOK || fields(page)["return_to"] != "/page" {
					t.Errorf("the login page: %d to %q", page.Status, page.Header.Get("Location"))
				}
			}
			for _, target := range []string{"/api", "/itsme/userinfo"} {
				if got := e.ask(http.MethodGet, target, line); got.Status != http.StatusUnauthorized || got.Header.Get("Set-Cookie") != cleared {
					t.Errorf("%s: %d, sets %q", target, got.Status, got.Header["Set-Cookie"])
				}
			}
			if received := e.upstream.Take(); len(received) > 0 {
				t.Errorf("the upstream got %q", received)
			}
			optional := e.send(head(http.MethodPost, "/", "optional.example.be", line) + "\r\n")
			received := strings.Join(e.upstream.Take(), "")
			if optional.Status != http.StatusOK || e.identityLines(received) != nil || optional.Header.Get("Set-Cookie") != cleared {
				t.Errorf("where a login is optional: %d, the upstream got %q", optional.Status, received)
			}
		})
	}
}

// TestSessionTokenIsNoBearerToken has an attacker present a browser's session token, read from a cookie or a
// log, as a bearer token. The gateway refuses the other kind of token. The reverse is among the bad cookies
// above.
func TestSessionTokenIsNoBearerToken(t *testing.T) {
	e := newAppEnv(t, crossSites)
	raw := strings.TrimSpace(strings.TrimPrefix(e.cookie(nil), "Cookie: "+sessionCookie+"="))
	for _, host := range []string{appHost, "optional.example.be"} {
		for _, cookie := range []string{"", e.cookie(nil)} {
			answer := e.send(head(http.MethodGet, "/", host, "Authorization: Bearer "+raw+"\r\n", cookie) + "\r\n")
			if got := e.upstream.Take(); len(got) > 0 || answer.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d, the upstream got %q", host, answer.Status, got)
			}
		}
	}
}
