package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// form posts a form to an endpoint of the gateway, from a client with that address.
func (e *env) form(client, endpoint string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, envURL+gateway.DefaultPath+endpoint, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	_ = e.site.Serve(w, r, gateway.RequestInfo{Client: netip.MustParseAddr(client)}, handedOn)
	return w
}

// TestRevocationsOfOneLoginAreBounded has a client that exchanges its refresh token, revokes the access
// token, and repeats: each round would add to the list on every replica. After a few rounds its login ends,
// which takes one revocation.
func TestRevocationsOfOneLoginAreBounded(t *testing.T) {
	t.Parallel()
	revoked := map[store.Scope]int{}
	e := newEnv(t, refreshing, func(c *gateway.Config) {
		c.Observe.Revocation = func(v store.Revocation) { revoked[v.Scope]++ }
	})
	e.clock.stop()
	e.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	rounds := 0
	for ; ; rounds++ {
		got := e.refresh(token)
		if got.status != http.StatusOK {
			break
		}
		for range 3 { // the same one again adds nothing
			if w := e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}}); w.Code != http.StatusOK {
				t.Fatalf("revoking: %d", w.Code)
			}
		}
		if rounds > 1000 {
			t.Fatal("it goes on")
		}
	}
	if revoked[store.ScopeToken] != gateway.MaxTokenRevocations || revoked[store.ScopeLogin] != 1 || rounds != gateway.MaxTokenRevocations+1 {
		t.Errorf("%d rounds made %v", rounds, revoked)
	}
}

// TestAppMayRevokeWhatItReplaces has an app that revokes each access token when it has the next one, for
// days.
func TestAppMayRevokeWhatItReplaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	token := gateway.RefreshToken("login", 1, [32]byte{})
	for i := range 500 {
		got := e.refresh(token)
		if got.status != http.StatusOK {
			t.Fatalf("round %d: %+v", i, got)
		}
		e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Access}})
		token = got.Refresh
		e.clock.advance(gateway.DefaultTokenLifetime)
	}
}

// TestEndedLoginStaysEndedWhenRefreshComesBack turns refresh off, ends a login, and turns refresh on long
// after the tokens of the login expired. The refresh token must not work again.
func TestEndedLoginStaysEndedWhenRefreshComesBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *env, pair){
		"logout": func(t *testing.T, e *env, got pair) {
			r := request("Authorization", "Bearer "+got.Access)
			r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
			if w := e.answerOf(r); w.Code != http.StatusNoContent {
				t.Fatalf("logout: %d", w.Code)
			}
		},
		"the refresh token's revocation": func(t *testing.T, e *env, got pair) {
			if w := e.form("192.0.2.1", "/revoke", url.Values{"token": {got.Refresh}}); w.Code != http.StatusOK {
				t.Fatalf("revoking: %d", w.Code)
			}
		},
		"the login's revocation": func(t *testing.T, e *env, _ pair) {
			n, err := e.RevokeLogin(t.Context(), "login")
			if n != 1 || err != nil {
				t.Errorf("%d logins ended, %v", n, err)
			}
		},
		"the subject's revocation": func(t *testing.T, e *env, _ pair) {
			_, err := e.RevokeSubject(t.Context(), envSubject)
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, refreshing)
			e.clock.stop()
			e.family("login", store.App)
			got := e.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
			e.rebuild(t, func(*gateway.Config) {})
			end(t, e, got)
			e.clock.advance(10 * 24 * time.Hour)
			e.rebuild(t, refreshing)
			if again := e.refresh(got.Refresh); again.Error != "invalid_grant" {
				t.Errorf("the login is back: %+v", again)
			}
		})
	}
}

// TestLogoutEndsRefreshing logs out with an access token. From then on the refresh token is refused, and the
// login's family is deleted.
func TestLogoutEndsRefreshing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	e.family("login", store.App)
	first := e.refresh(gateway.RefreshToken("login", 1, [32]byte{}))
	r := request("Authorization", "Bearer "+first.Access)
	r.Method, r.URL.Path = http.MethodPost, gateway.DefaultPath+"/logout"
	if w := e.answerOf(r); first.status != http.StatusOK || w.Code != http.StatusNoContent {
		t.Fatalf("refreshing: %+v, logout: %d", first, w.Code)
	}
	if again := e.refresh(first.Refresh); again.Error != "invalid_grant" || again.Access != "" {
		t.Errorf("after the logout: %+v", again)
	}
	if _, err := e.store.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the family: %v", err)
	}
}

// TestTokenRequestsAreBounded has a client that calls /token and /revoke without end. The answer says when to
// try again. Another client is not affected.
func TestTokenRequestsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.clock.stop()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"c"}, "state": {"s"}, "code_verifier": {"v"}, "token": {"t"}}
	endpoint := func(i int) string { return []string{"/token", "/revoke"}[i%2] }
	for i := range gateway.DefaultTokenPerClient {
		if w := e.form("192.0.2.1", endpoint(i), form); w.Code == http.StatusTooManyRequests {
			t.Fatalf("request %d is refused", i)
		}
	}
	for i := range 2 {
		w := e.form("192.0.2.1", endpoint(i), form)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
			t.Errorf("%s: %d %v %s", endpoint(i), w.Code, w.Header(), w.Body)
		}
	}
	if w := e.form("192.0.2.2", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("another client: %d", w.Code)
	}
	e.clock.advance(time.Second)
	if w := e.form("192.0.2.1", "/revoke", form); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
}

const basic = "Basic "

func basicOf(userPassword string) string {
	return basic + base64.StdEncoding.EncodeToString([]byte(userPassword))
}

// clientRows are the ways in which an app names its client. The right one is app.example.be. An empty error is
// an answer with 200.
var clientRows = []struct {
	name          string
	clientID      []string // in the form
	authorization []string
	status        int
	error         string
}{
	{"not at all", nil, nil, 200, ""},
	{"empty in the form", []string{""}, nil, 200, ""},
	{"in the form", []string{"app.example.be"}, nil, 200, ""},
	{"by Basic", nil, []string{basicOf("app.example.be:")}, 200, ""},
	{"by Basic in lower case", nil, []string{strings.ToLower(basic) + basicOf("app.example.be:")[len(basic):]}, 200, ""},
	{"by Basic, form-encoded", nil, []string{basicOf("app%2Eexample%2ebe:")}, 200, ""},
	{"by both", []string{"app.example.be"}, []string{basicOf("app.example.be:")}, 200, ""},
	{"beside the access token that an app adds to each request", nil, []string{"Bearer x.y.z"}, 200, ""},

	{"another one in the form", []string{"evil"}, nil, 401, "invalid_client"},
	{"in capitals", []string{"APP.example.be"}, nil, 401, "invalid_client"},
	{"another one by Basic", nil, []string{basicOf("evil:")}, 401, "invalid_client"},
	{"right by Basic, another one in the form", []string{"evil"}, []string{basicOf("app.example.be:")}, 401, "invalid_client"},
	{"right in the form, another one by Basic", []string{"app.example.be"}, []string{basicOf("evil:")}, 401, "invalid_client"},
	{"the same wrong one twice", []string{"evil"}, []string{basicOf("evil:")}, 401, "invalid_client"},
	{"with a secret", nil, []string{basicOf("app.example.be:secret")}, 401, "invalid_client"},
	{"none by Basic", nil, []string{basicOf(":")}, 401, "invalid_client"},
	{"Basic without a colon", nil, []string{basicOf("app.example.be")}, 401, "invalid_client"},
	{"Basic with a broken escape", nil, []string{basicOf("app.example.be%:")}, 401, "invalid_client"},
	{"Basic that is not base64", nil, []string{basic + "app.example.be:"}, 401, "invalid_client"},
	{"Basic without anything", nil, []string{"Basic"}, 401, "invalid_client"},
	{"Basic after a tab", nil, []string{"Basic\t" + basicOf("app.example.be:")[len(basic):]}, 401, "invalid_client"},
	{"Basic beside Bearer", nil, []string{"Bearer x.y.z", basicOf("app.example.be:")}, 400, "invalid_request"},
	{"twice in the form", []string{"app.example.be", "app.example.be"}, nil, 400, "invalid_request"},
	{"twice by Basic", nil, []string{basicOf("app.example.be:"), basicOf("app.example.be:")}, 400, "invalid_request"},
}

// TestClientMayNameItself names the client at /token and at /revoke in each way. A refusal leaves the refresh
// token as it was: an app with a wrong setting does not lose its login.
func TestClientMayNameItself(t *testing.T) {
	t.Parallel()
	for _, row := range clientRows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			e := newEnv(t, refreshing, func(c *gateway.Config) {
				c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			e.family("login", store.App)
			refresh := gateway.RefreshToken("login", 1, [32]byte{})
			form := func(endpoint string, more url.Values) (status int, answer http.Header, body map[string]any) {
				more["client_id"] = row.clientID
				r := httptest.NewRequest(http.MethodPost, envURL+"/itsme"+endpoint, strings.NewReader(more.Encode()))
				r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": row.authorization}
				w := httptest.NewRecorder()
				check(t, e.site.Serve(w, r, gateway.RequestInfo{Client: netip.MustParseAddr("192.0.2.1")}, handedOn))
				_ = json.Unmarshal(w.Body.Bytes(), &body) // /revoke answers 200 without a body
				return w.Code, w.Header(), body
			}
			for _, endpoint := range []string{"/revoke", "/token"} {
				sent := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "token": {refresh}}
				if row.error == "" && endpoint == "/revoke" {
					sent.Set("token", "unknown") // the login is to go on
				}
				log.Reset()
				status, header, body := form(endpoint, sent)
				if got, _ := body["error"].(string); status != row.status || got != row.error {
					t.Fatalf("%s: %d %v", endpoint, status, body)
				}
				challenge := header.Get("WWW-Authenticate")
				byBasic := len(row.authorization) == 1 && strings.EqualFold(row.authorization[0][:5], "Basic")
				if want := status == 401 && byBasic; strings.HasPrefix(challenge, `Basic realm="`) != want || !want && challenge != "" {
					t.Errorf("%s: WWW-Authenticate: %q", endpoint, challenge)
				}
				if status == 401 {
					if text, _ := body["error_description"].(string); text == "" || strings.Contains(text, "evil") {
						t.Errorf("%s: described as %q", endpoint, text)
					}
					if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `"level":"DEBUG"`) || !strings.Contains(line, endpoint) || strings.Contains(line, "evil") {
						t.Errorf("%s logs %q", endpoint, line)
					}
				}
			}
			if row.error != "" {
				if got := e.refresh(refresh); got.status != http.StatusOK {
					t.Errorf("the refresh token is gone: %+v", got)
				}
			}
		})
	}
}

// TestClientWithPortNamesItselfByBasic has a gateway whose public_url has a port: the colon of its client_id
// arrives form-encoded (RFC 6749 section 2.3.1).
func TestClientWithPortNamesItselfByBasic(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *gateway.Config) { c.PublicURL = "https://app.example.be:8443" })
	for userPassword, want := range map[string]int{
		"app.example.be%3A8443:": http.StatusOK,
		"app.example.be:8443:":   http.StatusUnauthorized,
		"app.example.be:":        http.StatusUnauthorized,
	} {
		r := httptest.NewRequest(http.MethodPost, "https://app.example.be:8443/itsme/revoke", strings.NewReader("token=unknown"))
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {basicOf(userPassword)}}
		if got := e.answerOf(r); got.Code != want {
			t.Errorf("%s: %d, want %d", userPassword, got.Code, want)
		}
	}
}
