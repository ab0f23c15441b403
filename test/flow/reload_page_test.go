package flow_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// scripted posts the login form as the page's script does.
func (e *env) scripted(cookies []*http.Cookie, fields ...string) reply {
	form := url.Values{"return_to": {"/account"}, "language": {"nl"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Origin", publicURL)
	return e.send(withCookies(r, cookies))
}

// TestReloadedPageKeepsItsLogin reloads a login page, on which the script starts a login by itself. The same login of
// the same browser continues: it costs no session at Signicat, and counts against no limit.
func TestReloadedPageKeepsItsLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, limited(gateway.LimitConfig{SessionsPerClient: 1, SessionsWindow: time.Hour}))
		first := e.scripted(nil)
		cookies, id := first.Result().Cookies(), first.text("session_id")
		pass(10 * time.Minute)
		for range 20 {
			again := e.scripted(cookies, "resume", id)
			if again.Code != http.StatusCreated || again.text("authorization_request_url") != first.text("authorization_request_url") || again.Result().Cookies()[0].Value != cookies[0].Value {
				t.Fatalf("the reload: %d %s, cookies %v", again.Code, again.Body, again.Result().Cookies())
			}
			if rest := again.json["expires_in"].(float64); rest > 600 || rest < 598 {
				t.Fatalf("after 10 of 20 minutes expires_in is %v", rest)
			}
		}
		if n := e.Signicat.Count("create_session"); n != 1 {
			t.Errorf("%d sessions were started", n)
		}
		pass(9*time.Minute + 30*time.Second)
		if late := e.scripted(cookies, "resume", id); late.Code != http.StatusTooManyRequests {
			t.Errorf("with 30 s left: %d %s", late.Code, late.Body)
		}
	})
}

// TestPageContinuesNoOtherLogin has pages name logins that are not theirs, or not the same. An attacker who learned a
// resume would be given the link of a stranger's login, with its state.
func TestPageContinuesNoOtherLogin(t *testing.T) {
	t.Parallel()
	low := func(c *gateway.Config, _ *signicattest.Config) { c.LoA = "low" }
	for name, try := range map[string]func(e *env, first, stranger reply) reply{
		"a browser without the cookie": func(e *env, first, _ reply) reply {
			return e.scripted(nil, "resume", first.text("session_id"))
		},
		"a browser with the cookie of another login": func(e *env, first, stranger reply) reply {
			forged := *stranger.Result().Cookies()[0]
			forged.Name = first.Result().Cookies()[0].Name
			return e.scripted([]*http.Cookie{&forged}, "resume", first.text("session_id"))
		},
		"another page to return to": func(e *env, first, _ reply) reply {
			return e.scripted(first.Result().Cookies(), "resume", first.text("session_id"), "return_to", "/other")
		},
		"another language": func(e *env, first, _ reply) reply {
			return e.scripted(first.Result().Cookies(), "resume", first.text("session_id"), "language", "fr")
		},
		"another level": func(e *env, first, _ reply) reply {
			return e.scripted(first.Result().Cookies(), "resume", first.text("session_id"), "acr_values", "high")
		},
		"a login that was cancelled": func(e *env, first, _ reply) reply {
			r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/sessions/"+first.text("session_id")+"/cancel", nil)
			r.Header.Set("Origin", publicURL)
			e.send(withCookies(r, first.Result().Cookies()))
			return e.scripted(first.Result().Cookies(), "resume", first.text("session_id"))
		},
		"a resume that is none": func(e *env, first, _ reply) reply {
			return e.scripted(first.Result().Cookies(), "resume", "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, low)
				first, stranger := e.scripted(nil), e.scripted(nil)
				got := try(e, first, stranger)
				if got.Code != http.StatusCreated || got.text("session_id") == first.text("session_id") || len(got.Result().Cookies()) == 0 {
					t.Errorf("%d %s", got.Code, got.Body)
				}
			})
		})
	}
}
