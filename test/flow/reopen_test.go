package flow_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// sessionCookie is the name of the session cookie.
const sessionCookie = "itsme"

// browsing is a browser that keeps cookies.
type browsing struct {
	*env
	cookies []*http.Cookie
}

// visit opens a URL with the browser's cookies, and keeps those of the answer.
func (b *browsing) visit(target string) reply {
	answer := b.env.visit(target, b.cookies)
	b.keep(answer)
	return answer
}

// post submits a form of the gateway's own page.
func (b *browsing) post(path, form string) reply {
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+path, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Origin", publicURL)
	answer := b.send(withCookies(r, b.cookies))
	b.keep(answer)
	return answer
}

func (b *browsing) keep(answer reply) {
	for _, c := range answer.Result().Cookies() {
		b.cookies = slices.DeleteFunc(b.cookies, func(old *http.Cookie) bool { return old.Name == c.Name })
		if c.MaxAge >= 0 {
			b.cookies = append(b.cookies, c)
		}
	}
}

// begun starts a login that the user approved. It returns the URL of the callback.
func (b *browsing) begun(t *testing.T) (back string) {
	t.Helper()
	back, cookies := b.approvedBrowser(t)
	b.cookies = append(b.cookies, cookies...)
	return back
}

// sets returns the session cookie that an answer sets, or the empty string.
func sets(answer reply) string {
	for _, c := range answer.Result().Cookies() {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

// otherCode is the callback with another code.
func otherCode(back string) string {
	u, _ := url.Parse(back)
	return callback + "?" + url.Values{"code": {"made-up"}, "state": {u.Query().Get("state")}}.Encode()
}

// reopened are ways in which a browser opens the callback of its own issued login again.
var reopened = map[string]struct {
	between func(t *testing.T, b *browsing)
	change  func(back string) string
	same    bool // the same session cookie is set again
}{
	"at once":                       {same: true},
	"the answer was lost":           {between: func(_ *testing.T, b *browsing) { b.forgetSession() }, same: true},
	"shortly before the time is up": {between: func(*testing.T, *browsing) { pass(store.Retention - time.Minute) }, same: true},
	"later":                         {between: func(*testing.T, *browsing) { pass(store.Retention + time.Second) }},
	"later without a session": {between: func(_ *testing.T, b *browsing) {
		b.forgetSession()
		pass(store.Retention + time.Second)
	}},
	"shortly before the login would have expired": {between: func(*testing.T, *browsing) { pass(19 * time.Minute) }},
	"after a logout in a browser that kept its cookies": {between: func(_ *testing.T, b *browsing) {
		kept := slices.Clone(b.cookies)
		b.post("/logout", "")
		b.cookies = kept
	}},
	"with another code": {change: otherCode},
	"with an error": {change: func(back string) string {
		return strings.Replace(otherCode(back), "code=made-up", "error=access_denied", 1)
	}},
	"with the session of another login": {between: func(t *testing.T, b *browsing) {
		if got := b.visit(b.begun(t)); got.Code != http.StatusSeeOther {
			t.Fatalf("the other login: %d", got.Code)
		}
	}},
}

func (b *browsing) forgetSession() {
	b.cookies = slices.DeleteFunc(b.cookies, func(c *http.Cookie) bool { return c.Name == sessionCookie })
}

// TestOwnIssuedCallbackOpensAgain opens the callback of an issued login again, in the browser of that login.
// It leads to the page of the login. It sets the session cookie again only while the same answer is repeated.
func TestOwnIssuedCallbackOpensAgain(t *testing.T) {
	t.Parallel()
	for name, row := range reopened {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &browsing{env: newEnv(t)}
				back := b.begun(t)
				first := sets(b.visit(back))
				if first == "" {
					t.Fatal("the login is not finished")
				}
				b.returns.Take()
				if row.between != nil {
					row.between(t, b)
				}
				if row.change != nil {
					back = row.change(back)
				}
				calls := b.Signicat.Count("validate_code")
				got := b.visit(back)
				if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/account" {
					t.Errorf("the callback again: %d %v %s", got.Code, got.Header(), got.Body)
				}
				want := ""
				if row.same {
					want = first
				}
				if set := sets(got); set != want {
					t.Errorf("the session cookie that is set: %q, want %q", set, want)
				}
				if counted := b.returns.Take(); counted[len(counted)-1] != "browser repeated" {
					t.Errorf("it counts as %v", counted)
				}
				if b.Signicat.Count("validate_code") != calls {
					t.Error("the code was sent again")
				}
			})
		})
	}
}

// TestStrangerCannotReopenACallback: another browser that opens the finished callback gets a page, and no
// cookie.
func TestStrangerCannotReopenACallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &browsing{env: newEnv(t)}
		back := b.begun(t)
		b.visit(back)
		stranger := &browsing{env: b.env}
		if got := stranger.visit(back); got.Code != http.StatusBadRequest || len(stranger.cookies) > 0 || strings.Contains(got.Body.String(), "account") {
			t.Errorf("the stranger: %d, cookies %v, %s", got.Code, stranger.cookies, got.Body)
		}
	})
}

// TestOwnEndedCallbackShowsItsPage opens the callback of a login that ended without a token. Each time it
// shows the page of that end, and its button keeps the page that the user wanted.
func TestOwnEndedCallbackShowsItsPage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		end  func(t *testing.T, b *browsing, back string)
		want string
	}{
		"denied":                               {func(_ *testing.T, b *browsing, back string) { b.visit(b.withError(back, "access_denied")) }, "You are not logged in"},
		"failed":                               {func(_ *testing.T, b *browsing, back string) { b.visit(otherCode(back)) }, "The login did not succeed"},
		"started over, and approved after all": {func(t *testing.T, b *browsing, back string) { b.startOver(t, back) }, "You started over"},
		"expired":                              {func(_ *testing.T, _ *browsing, _ string) { pass(21 * time.Minute) }, "It took too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &browsing{env: newEnv(t)}
				back := b.begun(t)
				row.end(t, b, back)
				for range 2 {
					got := b.visit(back)
					if !strings.Contains(got.Body.String(), row.want) || strings.Contains(got.Body.String(), "ookie") {
						t.Errorf("the callback again: %d %s", got.Code, got.Body)
					}
					link := button.FindStringSubmatch(got.Body.String())
					if link == nil || !strings.Contains(html.UnescapeString(link[1]), "return_to=%2Faccount") {
						t.Errorf("the button leads to %q", link)
					}
					if sets(got) != "" {
						t.Error("a session cookie is set")
					}
				}
			})
		})
	}
}

// startOver cancels a login as its page does when the user starts over.
func (b *browsing) startOver(t *testing.T, back string) {
	t.Helper()
	if got := b.post("/sessions/"+sessionIDOf(back)+"/cancel", ""); got.Code != http.StatusNoContent {
		t.Fatalf("starting over: %d %s", got.Code, got.Body)
	}
}

// sessionIDOf returns the session_id of the login of a callback.
func sessionIDOf(back string) string {
	u, _ := url.Parse(back)
	sum := sha256.Sum256([]byte(u.Query().Get("state")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestAnotherBrowserStartsThere: itsme returned to another browser than the login's. That browser gets a page
// without the page and level of the login. Its form posts the session ID alone, and the login that it starts
// leads to the same page.
func TestAnotherBrowserStartsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		first, second := &browsing{env: r}, &browsing{env: r}
		back := first.begun(t)
		page := second.visit(back)
		if text := page.Body.String(); page.Code != http.StatusBadRequest || !strings.Contains(text, "another browser or private tab") ||
			!strings.Contains(text, "If you did not start it yourself, close this page and do not share its address with anyone.") {
			t.Errorf("the page: %d %s", page.Code, page.Body)
		}
		for _, secret := range []string{"account", "acr_values", "return_to", url.QueryEscape(back[strings.Index(back, "?")+1:])} {
			if strings.Contains(page.Body.String(), secret) {
				t.Errorf("the page has %q: %s", secret, page.Body)
			}
		}
		fields := hiddenFields.FindAllStringSubmatch(page.Body.String(), -1)
		if len(fields) != 1 || fields[0][1] != "session_id" || fields[0][2] != sessionIDOf(back) {
			t.Fatalf("the form has %v", fields)
		}
		opened := second.post("/login", "session_id="+fields[0][2])
		link := button.FindStringSubmatch(opened.Body.String())
		if opened.Code != http.StatusOK || link == nil {
			t.Fatalf("starting there: %d %s", opened.Code, opened.Body)
		}
		again, err := r.Signicat.Approve(html.UnescapeString(link[1]), "adult")
		check(t, err)
		if got := second.visit(again); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/account" || sets(got) == "" {
			t.Errorf("the login there: %d %v", got.Code, got.Header())
		}
		if got := first.visit(back); got.Code != http.StatusSeeOther || sets(got) == "" {
			t.Errorf("the login of the first browser: %d", got.Code)
		}
	})
}

// hiddenFields finds the hidden fields of a page's form.
var hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// TestSessionIDStartsOnlyItself: the session ID comes alone and names a login of a browser. Otherwise it
// starts nothing, or a login without a page.
func TestSessionIDStartsOnlyItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &browsing{env: newEnv(t)}
		back := b.begun(t)
		id := sessionIDOf(back)
		app := b.env.approvedApp(t)
		for form, want := range map[string]int{
			"session_id=" + id + "&return_to=/x":     http.StatusBadRequest,
			"session_id=" + id + "&session_id=" + id: http.StatusBadRequest,
			"session_id=short":                       http.StatusBadRequest,
			"session_id=" + strings.Repeat("a", 43):  http.StatusOK,
			"session_id=" + app.sessionID:            http.StatusOK,
		} {
			got := b.post("/login", form)
			if got.Code != want || strings.Contains(got.Body.String(), "account") {
				t.Errorf("%s: %d, want %d: %s", form, got.Code, want, got.Body)
			}
		}
	})
}

// TestUnknownStateIsOver: a callback that names no login says that the login is over, and offers to start.
func TestUnknownStateIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t)
		for _, query := range []string{"", "?code=x&state=y", "?code=x&state=y&state=z"} {
			got := r.visit(callback+query, nil)
			if link := button.FindStringSubmatch(got.Body.String()); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "This login is over") || link == nil {
				t.Errorf("%q: %d %s", query, got.Code, got.Body)
			}
		}
	})
}
