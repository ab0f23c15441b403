package flow_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// begunWithFragment is begun for a page whose URL has a fragment.
func (b *browsing) begunWithFragment(t *testing.T) (back string) {
	t.Helper()
	opened := b.post("/login", "return_to="+url.QueryEscape("/account?a=1&b=2")+"&fragment=1")
	link := button.FindStringSubmatch(opened.Body.String())
	if opened.Code != http.StatusOK || link == nil {
		t.Fatalf("starting: %d %s", opened.Code, opened.Body)
	}
	back, err := b.Signicat.Approve(html.UnescapeString(link[1]), "adult")
	check(t, err)
	return back
}

// TestLoginWithFragmentEndsOnAPage: only a script of the browser knows the fragment. The page that goes there sets the
// session cookie once, holds the session_id and the path, and nothing of code and state. Later it sets no cookie.
func TestLoginWithFragmentEndsOnAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &browsing{env: newEnv(t)}
		back := b.begunWithFragment(t)
		for _, row := range []struct {
			when   string
			after  time.Duration
			cookie bool
		}{{"at first", 0, true}, {"while the answer is repeated", time.Minute, true}, {"later", 6 * time.Minute, false}} {
			pass(row.after)
			got := b.visit(back)
			wantArrival(t, row.when, got, back)
			if (sets(got) != "") != row.cookie {
				t.Errorf("%s it sets a cookie: %t", row.when, !row.cookie)
			}
		}
	})
}

// wantArrival wants the page that goes to the page with the fragment.
func wantArrival(t *testing.T, when string, got reply, back string) {
	t.Helper()
	text := got.Body.String()
	if got.Code != http.StatusOK || got.Header().Get("Location") != "" || !strings.Contains(text, `data-return="/account?a=1&amp;b=2"`) {
		t.Errorf("%s: %d %s", when, got.Code, text)
	}
	u, _ := url.Parse(back)
	for _, secret := range []string{u.Query().Get("code"), u.Query().Get("state"), url.QueryEscape(u.Query().Get("state"))} {
		if strings.Contains(text, secret) {
			t.Errorf("%s: the page has the code or state of %s", when, back)
		}
	}
}

// TestPageWithFragmentResumesItself: a page with a fragment that is loaded again continues with its own login, and not
// with that of a page without one, whose callback would lose the fragment.
func TestPageWithFragmentResumesItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &browsing{env: newEnv(t)}
		start := func(form string) string {
			r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/login", strings.NewReader("return_to=/account"+form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", publicURL)
			r.Header.Set("Accept", "application/json")
			answer := b.send(withCookies(r, b.cookies))
			b.keep(answer)
			return answer.text("session_id")
		}
		first := start("&fragment=1")
		if again := start("&fragment=1&resume=" + first); again != first {
			t.Errorf("the reload starts another login: %q, want %q", again, first)
		}
		if again := start("&resume=" + first); again == first {
			t.Error("a page without a fragment continues with the login of a page with one")
		}
	})
}
