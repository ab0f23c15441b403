package flow_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestOversizedAnswerStartsNothing has Signicat answer a start with more than a pending session may hold. The
// gateway cancels the session and refuses the start.
func TestOversizedAnswerStartsNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		link := "https://idp.e2e.itsme.services/v2/authorization?redirect_uri=" + url.QueryEscape(publicURL+logintest.Path+"/app/callback") +
			"&state=" + strings.Repeat("s", 43) + "&claims=" + strings.Repeat("x", 8<<10)
		e.Signicat.OverrideNextCreate(signicattest.Override{IDPData: map[string]any{"authorizationRequestUrl": link}})
		if got := e.newApp().start(); got.outcome() != "503 signicat_unavailable, Retry-After 5" {
			t.Errorf("the start: %s", got.outcome())
		}
		synctest.Wait()
		if n := e.Signicat.Count("cancel_session"); n != 1 {
			t.Errorf("%d cancels of the session that no client can finish, want 1", n)
		}
	})
}

// TestOversizedLoginEndsOnAPage has Signicat return more attributes of a user than a cookie holds. The browser
// gets an error page and no cookie.
func TestOversizedLoginEndsOnAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attributes := []string{"name", "firstName", "lastName", "nationality"}
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Attributes = attributes })
		subject := map[string]any{}
		for _, name := range attributes {
			subject[name] = strings.Repeat("x", attribute.MaxValue)
		}
		e.Signicat.OverrideNextSuccess(signicattest.Override{Subject: subject})
		got := e.browserLogin(t)
		if got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "claims") {
			t.Errorf("the page: %d %s", got.Code, got.Body)
		}
		for _, c := range got.Result().Cookies() {
			if c.Value != "" && !strings.HasSuffix(c.Value, ".f") { // the cookie of the finished login stays
				t.Errorf("the browser gets the cookie %s", c.Name)
			}
		}
	})
}

var button = regexp.MustCompile(`class="action" href="([^"]+)"`)

// browserLogin logs the first persona in with a browser. It returns the answer at the redirect URL.
func (e *env) browserLogin(t *testing.T) reply {
	t.Helper()
	back, cookies := e.approvedBrowser(t)
	return e.send(withCookies(httptest.NewRequest(http.MethodGet, back, nil), cookies))
}

// approvedBrowser starts a login with a browser and approves it. It returns the redirect URL with the code,
// and the browser's cookies.
func (e *env) approvedBrowser(t *testing.T) (back string, cookies []*http.Cookie) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/login", strings.NewReader("return_to=/account"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", publicURL)
	opened := e.send(r)
	link := button.FindStringSubmatch(opened.Body.String())
	if opened.Code != http.StatusOK || link == nil {
		t.Fatalf("starting: %d %s", opened.Code, opened.Body)
	}
	back, err := e.Signicat.Approve(html.UnescapeString(link[1]), "adult")
	if err != nil {
		t.Fatal(err)
	}
	return back, opened.Result().Cookies()
}

func withCookies(r *http.Request, cookies []*http.Cookie) *http.Request {
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}
