package flow_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// visit sends a browser to a redirect URL.
func (e *env) visit(target string, cookies []*http.Cookie, header ...string) reply {
	request := httptest.NewRequest(http.MethodGet, target, nil)
	if len(header) > 0 {
		request.Header.Set(header[0], header[1])
	}
	return e.send(withCookies(request, cookies))
}

// withError returns the redirect URL of a login with an error instead of the code.
func (e *env) withError(back, code string) string {
	u, _ := url.Parse(back)
	return publicURL + u.Path + "?" + url.Values{"error": {code}, "state": {u.Query().Get("state")}}.Encode()
}

// redirectURL returns where itsme sends the app after the approval.
func (a *app) redirectURL() string {
	return publicURL + logintest.Path + "/app/callback?" + url.Values{"code": {a.code}, "state": {a.state}}.Encode()
}

const (
	callback    = publicURL + logintest.Path + "/callback"
	appCallback = publicURL + logintest.Path + "/app/callback"
)

// returns are requests to redirect URLs, and the kind and outcome that each counts as.
var returns = map[string]struct {
	play  func(*testing.T, *env)
	want  []string
	bound bool // the last line names the session
}{
	"a browser finishes, and comes back again": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.visit(back, cookies)
		e.visit(back, cookies) // the answer was lost
	}, []string{"browser finished", "browser repeated"}, true},
	"a browser goes back without the login's cookie": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.visit(back, cookies)
		e.visit(back, []*http.Cookie{{Name: "other", Value: "x"}})
	}, []string{"browser finished", "browser repeated"}, false},
	"Signicat is not done with the login": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Delay: time.Minute})
		e.visit(back, cookies)
	}, []string{"browser waiting"}, true},
	"Signicat is unavailable": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusServiceUnavailable, RetryAfter: "7"})
		e.visit(back, cookies)
	}, []string{"browser waiting"}, true},
	"the user refuses": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.visit(e.withError(back, "access_denied"), cookies)
	}, []string{"browser denied"}, true},
	"itsme fails": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.visit(e.withError(back, "server_error"), cookies)
	}, []string{"browser failed"}, true},
	"Signicat refuses the code": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		u, _ := url.Parse(back)
		e.visit(callback+"?"+url.Values{"code": {"made-up"}, "state": {u.Query().Get("state")}}.Encode(), cookies)
	}, []string{"browser failed"}, true},
	"another browser": {func(t *testing.T, e *env) {
		back, _ := e.approvedBrowser(t)
		e.visit(back, []*http.Cookie{{Name: "other", Value: "x"}})
		e.visit(back, nil)
	}, []string{"browser unbound", "browser unbound_no_cookies"}, false},
	"an unknown state": {func(t *testing.T, e *env) {
		e.visit(callback+"?code=x&state=y", []*http.Cookie{{Name: "other", Value: "x"}})
		e.visit(callback+"?code=x&state=y", nil)
		e.visit(appCallback+"?code=x&state=y", nil)
		e.visit(appCallback+"?code=x&state=y", []*http.Cookie{{Name: "other", Value: "x"}})
	}, []string{"browser unbound", "browser unbound_no_cookies", "app unbound_no_cookies", "app unbound"}, false},
	"a login at the other redirect URL": {func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.visit(strings.Replace(a.redirectURL(), "/app/callback", "/callback", 1), nil)
		back, cookies := e.approvedBrowser(t)
		e.visit(strings.Replace(back, "/callback", "/app/callback", 1), cookies)
	}, []string{"app unbound_no_cookies", "browser unbound"}, false},
	"a phone opens a browser instead of the app": {func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.visit(a.redirectURL(), nil)
		e.visit(e.withError(a.redirectURL(), "access_denied"), nil)
	}, []string{"app app_opened_browser", "app app_opened_browser"}, false},
	"a phone opens the app and a browser": {func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		a.redeem()
		e.visit(a.redirectURL(), nil)
	}, []string{"app repeated"}, false},
	"what itsme does not send": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		u, _ := url.Parse(back)
		state := url.Values{"state": {u.Query().Get("state")}}.Encode()
		for _, query := range []string{"", "?code=x", "?code=%zz&state=y", "?code=x&state=y&state=z", "?code=x&state=" + strings.Repeat("s", 2000)} {
			e.visit(callback+query, nil)
		}
		e.visit(callback+"?"+state, cookies)
		for _, query := range []string{"", "?code=x", "?state=y"} {
			e.visit(appCallback+query, nil)
		}
		e.send(httptest.NewRequest(http.MethodPost, callback, nil))
		e.send(httptest.NewRequest(http.MethodPost, appCallback, nil))
	}, slices.Concat(slices.Repeat([]string{"browser malformed"}, 6), slices.Repeat([]string{"app malformed"}, 3), []string{"browser malformed", "app malformed"}), false},
	"a browser loads the page in advance": {func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		e.visit(a.redirectURL(), nil, "Sec-Purpose", "prefetch;prerender")
		e.send(httptest.NewRequest(http.MethodHead, a.redirectURL(), nil))
		back, cookies := e.approvedBrowser(t)
		if got := e.visit(back, cookies, "Sec-Purpose", "prefetch"); got.Code != http.StatusNoContent || len(got.Result().Cookies()) > 0 || got.Header().Get("Cache-Control") != "no-store" || got.Header().Get("Vary") == "" {
			t.Errorf("the answer: %d, cookies %v", got.Code, got.Result().Cookies())
		}
		e.visit(back, cookies, "Purpose", "prefetch")
		e.visit(back, cookies, "X-Moz", "prefetch")
		e.visit(back, cookies, "Sec-Purpose", "speculative; prerender")
		e.visit(back, cookies, "Purpose", "no-prefetch")
	}, []string{"app prefetch", "app prefetch", "browser prefetch", "browser prefetch", "browser prefetch", "browser prefetch", "browser finished"}, true},
	"the store cannot answer": {func(t *testing.T, e *env) {
		a := e.approvedApp(t)
		back, cookies := e.approvedBrowser(t)
		_ = e.Config.Store.Close()
		e.visit(back, cookies)
		if got := e.visit(a.redirectURL(), nil); got.Code != http.StatusOK {
			t.Errorf("the page that sends the user to the app: %d", got.Code)
		}
	}, []string{"browser unavailable", "app unavailable"}, false},
	"the gateway has no keys": {func(t *testing.T, e *env) {
		back, cookies := e.approvedBrowser(t)
		e.Config.Keys = keystest.New(t, token.DefaultAlgorithm)
		e.Config.Keys.Set(nil)
		e.Restart(t)
		e.visit(back, cookies)
	}, []string{"browser unavailable"}, true},
}

// TestReturnsAreCounted sends browsers to the redirect URLs. Each request counts once and logs one line. The
// line names the session only where the browser proved that the login is its own.
func TestReturnsAreCounted(t *testing.T) {
	t.Parallel()
	var all gatewaytest.Recorder
	t.Run("each", func(t *testing.T) {
		for name, row := range returns {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					row.play(t, e)
					counted := e.returns.Take()
					all.Record(counted...)
					if diff := cmp.Diff(row.want, counted); diff != "" {
						t.Errorf("the returns differ (-want +counted):\n%s", diff)
					}
					e.wantReturnLines(t, row.want, row.bound)
				})
			})
		}
	})
	outcomes := make(map[string]bool)
	for _, counted := range all.Take() {
		_, outcome, _ := strings.Cut(counted, " ")
		outcomes[outcome] = true
	}
	for _, outcome := range gateway.ReturnOutcomes() {
		if !outcomes[outcome] {
			t.Errorf("no request is %s", outcome)
		}
	}
}

// wantReturnLines compares the lines with the counts. The log drops lines after the first ten.
func (e *env) wantReturnLines(t *testing.T, want []string, bound bool) {
	t.Helper()
	var logged []string
	lines := e.log.lines(t, "redirect URL answered")
	for _, line := range lines {
		if line["level"] != "INFO" {
			t.Errorf("the level is %v", line["level"])
		}
		logged = append(logged, line["kind"].(string)+" "+line["outcome"].(string))
	}
	if diff := cmp.Diff(want[:min(len(want), 10)], logged); diff != "" {
		t.Fatalf("the lines differ (-want +logged):\n%s", diff)
	}
	if _, named := lines[len(lines)-1]["session_id"]; named != bound {
		t.Errorf("the last line names a session: %v", named)
	}
}

// TestStrangerCannotFakeBrokenAppLinks has an attacker send requests to an app redirect URL with made-up
// states. None counts as a phone whose app link is broken, so the attacker cannot raise that alarm.
func TestStrangerCannotFakeBrokenAppLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.login(t)
		for _, query := range []string{"?code=x&state=y", "?error=access_denied&state=y", "?state=" + e.finished.sessionID + "&code=x", "?code=x&state=" + url.QueryEscape(e.finished.state)} {
			e.visit(appCallback+query, nil)
		}
		for _, counted := range e.returns.Take() {
			if strings.Contains(counted, "app_opened_browser") {
				t.Errorf("a stranger's request is counted as %s", counted)
			}
		}
	})
}
