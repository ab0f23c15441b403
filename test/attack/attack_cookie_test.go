package attack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// badCookies are Cookie lines whose session cookie is none of the gateway's, or is no more, or
// cannot be told from another.
func (f *fort) badCookies(t *testing.T) map[string]string {
	t.Helper()
	line := func(value string) string { return "Cookie: " + sessionCookie + "=" + value + "\r\n" }
	good := strings.TrimSpace(strings.TrimPrefix(f.cookie(nil), "Cookie: "+sessionCookie+"="))
	issue := func(inForce *token.Keys, now func() time.Time) string {
		raw, _, err := fortAuthority(t, inForce, now).IssueSession(personClaims(nil))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	past := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	return map[string]string{
		"empty":                line(""),
		"garbage":              line("x"),
		"stale":                line(issue(f.inForce, past)),
		"of a stranger's key":  line(issue(keystest.Parse(t, keystest.PEM(t)), time.Now)),
		"without a signature":  line(head + "." + payload + "."),
		"with another's claim": line(head + "." + strings.ToUpper(payload[:10]) + payload[10:] + "." + signature),
		"of 7 kB":              line(strings.Repeat("a", 7<<10)),
		"unreadable":           line("a\"b\\\x80"),
		"in quotes":            line(`"` + good + `"`),
		"behind 3,001 others":  "Cookie: " + strings.Repeat("a=b; ", 3001) + sessionCookie + "=x\r\n",
		"a bearer token":       line(strings.TrimSpace(strings.TrimPrefix(f.bearer(nil), "Authorization: Bearer "))),
		"sent twice":           "Cookie: " + sessionCookie + "=" + good + "; " + sessionCookie + "=" + good + "\r\n",
		"sent twice, one bad":  "Cookie: " + sessionCookie + "=x; a=b; " + sessionCookie + "=" + good + "\r\n",
		"sent in two lines":    line(good) + line("x"),
	}
}

// TestBadCookieIsClearedAndNeverLoops has a browser come with a cookie that is no login: planted,
// stolen and spoilt, or simply old. It counts as none and is deleted; the browser is sent to the
// login page once, and a person who logs in there is logged in.
func TestBadCookieIsClearedAndNeverLoops(t *testing.T) {
	f := build(t, crossSites)
	const cleared = sessionCookie + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	for name, line := range f.badCookies(t) {
		t.Run(name, func(t *testing.T) {
			sent := f.ask(http.MethodGet, "/page", navigation, line)
			if sent.Status != http.StatusSeeOther || sent.Header.Get("Set-Cookie") != cleared {
				t.Fatalf("the page: %d, sets %q", sent.Status, sent.Header["Set-Cookie"])
			}
			for _, cookie := range []string{"", line} { // deleted, or by a browser that does not
				page := f.ask(http.MethodGet, strings.TrimPrefix(sent.Header.Get("Location"), fortURL), navigation, cookie)
				if page.Status != http.StatusOK || fields(page)["return_to"] != "/page" {
					t.Errorf("the login page: %d to %q", page.Status, page.Header.Get("Location"))
				}
			}
			for _, target := range []string{"/api", "/itsme/userinfo"} {
				if got := f.ask(http.MethodGet, target, line); got.Status != http.StatusUnauthorized || got.Header.Get("Set-Cookie") != cleared {
					t.Errorf("%s: %d, sets %q", target, got.Status, got.Header["Set-Cookie"])
				}
			}
			if received := f.upstream.Take(); len(received) > 0 {
				t.Errorf("the upstream got %q", received)
			}
			optional := f.send(head(http.MethodPost, "/", "optional.example.be", line) + "\r\n")
			received := strings.Join(f.upstream.Take(), "")
			if optional.Status != http.StatusOK || f.identityLines(received) != nil || optional.Header.Get("Set-Cookie") != cleared {
				t.Errorf("where nobody needs a login: %d, the upstream got %q", optional.Status, received)
			}
		})
	}
}

// TestSessionTokenIsNoBearerToken has whoever got hold of a browser's cookie, or of a log of it,
// use it where no cookie is sent: it is another kind of token. The reverse is among the bad
// cookies above.
func TestSessionTokenIsNoBearerToken(t *testing.T) {
	f := build(t, crossSites)
	raw := strings.TrimSpace(strings.TrimPrefix(f.cookie(nil), "Cookie: "+sessionCookie+"="))
	for _, host := range []string{fortHost, "optional.example.be"} {
		for _, cookie := range []string{"", f.cookie(nil)} {
			answer := f.send(head(http.MethodGet, "/", host, "Authorization: Bearer "+raw+"\r\n", cookie) + "\r\n")
			if got := f.upstream.Take(); len(got) > 0 || answer.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d, the upstream got %q", host, answer.Status, got)
			}
		}
	}
}
