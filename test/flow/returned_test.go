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

// returning is a gateway of which the requests to redirect URLs are counted.
type returning struct {
	*bubble
	counted gatewaytest.Recorder
	journal *journal
}

func openReturning(t *testing.T) *returning {
	t.Helper()
	r := new(returning)
	r.bubble, r.journal = openLogged(t, func(c *gateway.Config, _ *signicattest.Config) {
		c.Observe = gateway.Observer{Return: func(b gateway.Return) { r.counted.Record(b.Kind + " " + b.Outcome) }}
	})
	return r
}

// visit sends a browser to a redirect URL.
func (r *returning) visit(target string, cookies []*http.Cookie, header ...string) reply {
	request := httptest.NewRequest(http.MethodGet, target, nil)
	if len(header) > 0 {
		request.Header.Set(header[0], header[1])
	}
	return r.send(withCookies(request, cookies))
}

// withError is where itsme sends a browser back to with an error instead of a code.
func (r *returning) withError(back, code string) string {
	u, _ := url.Parse(back)
	return bubbleURL + u.Path + "?" + url.Values{"error": {code}, "state": {u.Query().Get("state")}}.Encode()
}

// appBack is where itsme sends an app.
func (p *phone) appBack() string {
	return bubbleURL + logintest.Path + "/app/callback?" + url.Values{"code": {p.code}, "state": {p.state}}.Encode()
}

const (
	callback    = bubbleURL + logintest.Path + "/callback"
	appCallback = bubbleURL + logintest.Path + "/app/callback"
)

// returns are requests to redirect URLs and what each counts as: kind and outcome.
var returns = map[string]struct {
	play  func(*testing.T, *returning)
	want  []string
	bound bool // the line of the last one names the session
}{
	"a browser finishes, and comes back again": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.visit(back, cookies)
		r.visit(back, cookies) // the answer was lost
	}, []string{"browser finished", "browser repeated"}, true},
	"a browser goes back without the login's cookie": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.visit(back, cookies)
		r.visit(back, []*http.Cookie{{Name: "other", Value: "x"}})
	}, []string{"browser finished", "browser repeated"}, false},
	"Signicat is not done with the login": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.script(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Delay: time.Minute})
		r.visit(back, cookies)
	}, []string{"browser waiting"}, true},
	"Signicat is unavailable": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusServiceUnavailable, RetryAfter: "7"})
		r.visit(back, cookies)
	}, []string{"browser waiting"}, true},
	"the user refuses": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.visit(r.withError(back, "access_denied"), cookies)
	}, []string{"browser denied"}, true},
	"itsme fails": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.visit(r.withError(back, "server_error"), cookies)
	}, []string{"browser failed"}, true},
	"Signicat refuses the code": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		u, _ := url.Parse(back)
		r.visit(callback+"?"+url.Values{"code": {"made-up"}, "state": {u.Query().Get("state")}}.Encode(), cookies)
	}, []string{"browser failed"}, true},
	"another browser": {func(t *testing.T, r *returning) {
		back, _ := r.browserBegun(t)
		r.visit(back, []*http.Cookie{{Name: "other", Value: "x"}})
		r.visit(back, nil)
	}, []string{"browser unbound", "browser unbound_no_cookies"}, false},
	"an unknown state": {func(t *testing.T, r *returning) {
		r.visit(callback+"?code=x&state=y", []*http.Cookie{{Name: "other", Value: "x"}})
		r.visit(callback+"?code=x&state=y", nil)
		r.visit(appCallback+"?code=x&state=y", nil)
		r.visit(appCallback+"?code=x&state=y", []*http.Cookie{{Name: "other", Value: "x"}})
	}, []string{"browser unbound", "browser unbound_no_cookies", "app unbound_no_cookies", "app unbound"}, false},
	"a login at the other redirect URL": {func(t *testing.T, r *returning) {
		p := r.begun(t)
		r.visit(strings.Replace(p.appBack(), "/app/callback", "/callback", 1), nil)
		back, cookies := r.browserBegun(t)
		r.visit(strings.Replace(back, "/callback", "/app/callback", 1), cookies)
	}, []string{"app unbound_no_cookies", "browser unbound"}, false},
	"a phone opens a browser instead of the app": {func(t *testing.T, r *returning) {
		p := r.begun(t)
		r.visit(p.appBack(), nil)
		r.visit(r.withError(p.appBack(), "access_denied"), nil)
	}, []string{"app app_opened_browser", "app app_opened_browser"}, false},
	"a phone opens the app and a browser": {func(t *testing.T, r *returning) {
		p := r.begun(t)
		p.redeem()
		r.visit(p.appBack(), nil)
	}, []string{"app repeated"}, false},
	"what itsme does not send": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		u, _ := url.Parse(back)
		state := url.Values{"state": {u.Query().Get("state")}}.Encode()
		for _, query := range []string{"", "?code=x", "?code=%zz&state=y", "?code=x&state=y&state=z", "?code=x&state=" + strings.Repeat("s", 2000)} {
			r.visit(callback+query, nil)
		}
		r.visit(callback+"?"+state, cookies)
		for _, query := range []string{"", "?code=x", "?state=y"} {
			r.visit(appCallback+query, nil)
		}
		r.send(httptest.NewRequest(http.MethodPost, callback, nil))
		r.send(httptest.NewRequest(http.MethodPost, appCallback, nil))
	}, slices.Concat(slices.Repeat([]string{"browser malformed"}, 6), slices.Repeat([]string{"app malformed"}, 3), []string{"browser malformed", "app malformed"}), false},
	"a browser loads the page in advance": {func(t *testing.T, r *returning) {
		p := r.begun(t)
		r.visit(p.appBack(), nil, "Sec-Purpose", "prefetch;prerender")
		r.send(httptest.NewRequest(http.MethodHead, p.appBack(), nil))
		back, cookies := r.browserBegun(t)
		if got := r.visit(back, cookies, "Sec-Purpose", "prefetch"); got.Code != http.StatusServiceUnavailable || len(got.Result().Cookies()) > 0 {
			t.Errorf("the answer: %d, cookies %v", got.Code, got.Result().Cookies())
		}
		r.visit(back, cookies, "Purpose", "prefetch")
		r.visit(back, cookies, "X-Moz", "prefetch")
		r.visit(back, cookies)
	}, []string{"app prefetch", "app prefetch", "browser prefetch", "browser prefetch", "browser prefetch", "browser finished"}, true},
	"the store cannot answer": {func(t *testing.T, r *returning) {
		p := r.begun(t)
		back, cookies := r.browserBegun(t)
		_ = r.Config.Store.Close()
		r.visit(back, cookies)
		if got := r.visit(p.appBack(), nil); got.Code != http.StatusOK {
			t.Errorf("the page that sends the user to the app: %d", got.Code)
		}
	}, []string{"browser unavailable", "app unavailable"}, false},
	"the gateway has no keys": {func(t *testing.T, r *returning) {
		back, cookies := r.browserBegun(t)
		r.Config.Keys = keystest.New(t, token.DefaultAlgorithm)
		r.Config.Keys.Set(nil)
		r.Restart(t)
		r.visit(back, cookies)
	}, []string{"browser unavailable"}, true},
}

// TestReturnsAreCounted sends browsers to the redirect URLs. Each request counts once, and has one line,
// which names a session only where the browser proved that the login is its own.
func TestReturnsAreCounted(t *testing.T) {
	t.Parallel()
	var all gatewaytest.Recorder
	t.Run("each", func(t *testing.T) {
		for name, row := range returns {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := openReturning(t)
					row.play(t, r)
					counted := r.counted.Take()
					all.Record(counted...)
					if diff := cmp.Diff(row.want, counted); diff != "" {
						t.Errorf("the returns differ (-want +counted):\n%s", diff)
					}
					r.wantReturnLines(t, row.want, row.bound)
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

// wantReturnLines compares the lines with what was counted. The log leaves lines out after the first ten.
func (r *returning) wantReturnLines(t *testing.T, want []string, bound bool) {
	t.Helper()
	var logged []string
	lines := r.journal.lines(t, "redirect URL answered")
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

// TestStrangerCannotFakeBrokenAppLinks: an attacker who asks for an app redirect URL with states of its own
// is not counted as a phone whose app link is broken, whatever it sends.
func TestStrangerCannotFakeBrokenAppLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := openReturning(t)
		r.login(t)
		for _, query := range []string{"?code=x&state=y", "?error=access_denied&state=y", "?state=" + r.ended.sessionID + "&code=x", "?code=x&state=" + url.QueryEscape(r.ended.state)} {
			r.visit(appCallback+query, nil)
		}
		for _, counted := range r.counted.Take() {
			if strings.Contains(counted, "app_opened_browser") {
				t.Errorf("a stranger's request is counted as %s", counted)
			}
		}
	})
}
