package attack_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sessionID returns the session_id of a state: base64url(SHA-256(state)).
func sessionID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestTabsFinishInAnyOrder has a user open ten pages that need a login, and log in with each tab, in any
// order. No tab takes the login of another or leaves a cookie behind.
func TestTabsFinishInAnyOrder(t *testing.T) {
	e := newAppEnv(t, crossSites)
	person := e.browser(t)
	returns := map[string]string{} // by the page
	for i := range 10 {
		page := fmt.Sprintf("/tab/%d", i)
		returns[page] = e.approve(t, person.start(page))
	}
	if n := len(person.cookies); n != 10 {
		t.Errorf("%d cookies: %v", n, person.names())
	}
	for page, target := range returns { // in no order
		if got := person.navigate(target); got.Status != http.StatusSeeOther || got.Header.Get("Location") != page {
			t.Errorf("%s: %d to %q: %s", page, got.Status, got.Header.Get("Location"), got.Body)
		}
		if got := person.navigate(page); got.Status != http.StatusOK {
			t.Errorf("%s afterwards: %d", page, got.Status)
		}
	}
	// The cookies of finished logins stay, for the back button.
	open := slices.DeleteFunc(person.names(), func(name string) bool { return strings.HasSuffix(person.value(name), ".f") })
	if diff := cmp.Diff([]string{sessionCookie}, open); diff != "" {
		t.Errorf("cookies left (-want +got):\n%s", diff)
	}
}

// TestLoginCookiesAreBounded has a browser start login after login, as a page that reloads itself does.
// Without a bound the cookies would make every request too large for the site. The oldest are deleted, and the
// others can finish.
func TestLoginCookiesAreBounded(t *testing.T) {
	e := newAppEnv(t, crossSites)
	person := e.browser(t)
	var links, started []string
	for range 25 {
		links = append(links, person.start("/"))
		session, err := e.Signicat.Session(links[len(links)-1])
		if err != nil {
			t.Fatal(err)
		}
		started = append(started, sessionCookie+"-l-"+sessionID(session.State)[:8])
		if n := len(person.cookies); n > 10 {
			t.Fatalf("%d cookies", n)
		}
	}
	if diff := cmp.Diff(started[15:], person.names()); diff != "" {
		t.Errorf("cookies that stay (-want the last ten, +got):\n%s", diff)
	}
	if got := person.navigate(e.approve(t, links[0])); got.Status != http.StatusBadRequest || len(got.Header["Set-Cookie"]) > 0 {
		t.Errorf("the oldest: %d %s", got.Status, got.Raw)
	}
	for _, link := range links[15:] {
		if got := person.navigate(e.approve(t, link)); got.Status != http.StatusSeeOther {
			t.Errorf("one of the last ten: %d %s", got.Status, got.Body)
		}
	}
}

// TestCookiesAreForThisHostAndNoScript compares each cookie, set and deleted, byte for byte. With other
// attributes a sibling host could plant one, a script could read one, or a deletion could miss one.
func TestCookiesAreForThisHostAndNoScript(t *testing.T) {
	e := newAppEnv(t, crossSites)
	person := e.browser(t)
	check := func(lines []string, want ...string) {
		t.Helper()
		slices.Sort(lines)
		if len(lines) != len(want) {
			t.Fatalf("set %q, want %q", lines, want)
		}
		for i := range want {
			if !regexp.MustCompile("^" + want[i] + "$").MatchString(lines[i]) {
				t.Errorf("set %q, want %q", lines[i], want[i])
			}
		}
	}
	const rest = "; HttpOnly; Secure; SameSite=Lax"
	const token = "__Host-itsme=[A-Za-z0-9_.-]+; Path=/; Max-Age=(28800|2879[0-9])" + rest
	const gone = "; Path=/; Max-Age=0" + rest
	// A finished login keeps its cookie as long as its record, for the back button.
	const finished = `=[0-9a-z]+\.[A-Za-z0-9_-]{43}\.f; Path=/; Max-Age=(1200|119[0-9])` + rest
	const anyLogin = "__Host-itsme-l-[A-Za-z0-9_-]{8}"

	started := person.submit("/login", url.Values{"return_to": {"/"}}, fromOwnPage)
	session, err := e.Signicat.Session(linkOf(t, started))
	if err != nil {
		t.Fatal(err)
	}
	login := "__Host-itsme-l-" + sessionID(session.State)[:8]
	check(started.Header["Set-Cookie"], login+`=[0-9a-z]+\.[A-Za-z0-9_-]{43}; Path=/; Max-Age=(1500|149[0-9])`+rest)
	check(person.navigate(e.approve(t, linkOf(t, started))).Header["Set-Cookie"], login+finished, token)
	first := person.value(sessionCookie)

	person.login("/") // another one, on top of the first
	if second := person.value(sessionCookie); second == first || len(person.names()) != 3 {
		t.Errorf("the new login did not replace the old one: %v", person.names())
	}
	check(person.submit("/logout", nil, fromOwnPage).Header["Set-Cookie"], anyLogin+"="+gone, anyLogin+"="+gone, "__Host-itsme="+gone)
	if len(person.cookies) > 0 {
		t.Errorf("cookies left after the logout: %v", person.names())
	}

	denied, err := e.Signicat.Refuse(person.start("/"))
	if err != nil {
		t.Fatal(err)
	}
	check(person.navigate(strings.TrimPrefix(denied, appURL)).Header["Set-Cookie"], anyLogin+finished)
	if len(person.cookies) != 1 {
		t.Errorf("cookies left: %v", person.names())
	}
}
