package flow_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// peered names the tests' own address as a peer of verify.
func peered(c *gateway.Config, _ *signicattest.Config) {
	c.Verify = []string{"192.0.2.1"} // of httptest
	c.Token.Refresh, c.Token.Lifetime = 24*time.Hour, 10*time.Minute
	c.Attributes, c.Token.Claims = []string{"name", "nin", "email"}, []string{"name", "nin", "email"}
}

// introspect asks about a token as a service does.
func (e *env) introspect(raw string) reply {
	return e.post("/introspect", "application/x-www-form-urlencoded", url.Values{"token": {raw}}.Encode())
}

const inactive = `{"active":false}`

// claimsIn reads the claims of a token without verifying it.
func claimsIn(t *testing.T, raw string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	check(t, err)
	check(t, json.Unmarshal(payload, &claims))
	return claims
}

// tokens logs the first persona in and returns the answer with the tokens.
func (e *env) tokens(t *testing.T) reply {
	t.Helper()
	answer := e.approvedApp(t).redeem()
	if answer.Code != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Code, answer.Body)
	}
	return answer
}

// TestIntrospectionShowsTheTokenAndNotTheUser compares the whole answer. It has no attribute, though the token has.
func TestIntrospectionShowsTheTokenAndNotTheUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, peered)
		raw := e.login(t)
		claims := claimsIn(t, raw)
		if claims["name"] == nil || claims["nin"] == nil {
			t.Fatalf("the token has no attribute: %v", claims)
		}
		want := map[string]any{"active": true, "token_type": "Bearer"}
		for _, name := range []string{"iss", "sub", "aud", "client_id", "exp", "iat", "jti", "acr", "auth_time"} {
			want[name] = claims[name]
		}
		answer := e.introspect(raw)
		if diff := cmp.Diff(want, answer.json); diff != "" || answer.Code != http.StatusOK {
			t.Errorf("%d (-want +got):\n%s", answer.Code, diff)
		}
	})
}

// TestIntrospectionOfWhatIsNoAccessToken: every other text gets the same answer, which says nothing about why.
func TestIntrospectionOfWhatIsNoAccessToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, peered)
		answer := e.tokens(t)
		raw := answer.text("access_token")
		session, _ := e.issue(t, e.Config.Keys, true)
		foreign, _ := e.issue(t, keystest.New(t, token.DefaultAlgorithm), false)
		for name, text := range map[string]string{
			"a refresh token":               answer.text("refresh_token"),
			"the value of a cookie":         session,
			"a token of another gateway":    foreign,
			"garbage":                       "x",
			"a token that was cut":          raw[:len(raw)-1],
			"a token with a scheme":         "Bearer " + raw,
			"a token that is too long":      raw + strings.Repeat("A", 10_000),
			"an unsigned token":             "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0" + raw[strings.Index(raw, "."):strings.LastIndex(raw, ".")+1],
			"a token with a null character": raw + "\x00",
		} {
			if got := e.introspect(text); got.Code != http.StatusOK || got.Body.String() != inactive {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		}
		for name, form := range map[string]string{"no token": "", "an empty token": "token=", "two tokens": "token=" + raw + "&token=" + raw} {
			if got := e.post("/introspect", "application/x-www-form-urlencoded", form); got.Code != http.StatusBadRequest || got.text("error") != "invalid_request" {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		}
		r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/introspect?token="+raw, http.NoBody)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := e.send(r); got.Code != http.StatusBadRequest {
			t.Errorf("a token in the URL: %d %s", got.Code, got.Body)
		}
	})
}

// issue signs a token of the gateway with a set of keys: one of a browser's cookie or an access token.
func (e *env) issue(t *testing.T, keys *token.Keys, session bool) (string, token.Claims) {
	t.Helper()
	config := e.Config
	config.Keys = keys
	authority, err := config.Authority()
	check(t, err)
	issue := authority.IssueAccess
	if session {
		issue = authority.IssueSession
	}
	raw, claims, err := issue(token.Claims{Subject: "person", ACR: "high", AuthTime: time.Now()})
	check(t, err)
	return raw, claims
}

// TestIntrospectionEndsWithTheToken ends a token in each way. A site accepts an expired token for
// [token.Skew] more; introspection does not.
func TestIntrospectionEndsWithTheToken(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *env, reply){
		"the token is revoked":  func(_ *testing.T, e *env, a reply) { e.revoke(a.text("access_token")) },
		"the login is revoked":  func(_ *testing.T, e *env, a reply) { e.revoke(a.text("refresh_token")) },
		"the person is revoked": func(t *testing.T, e *env, a reply) { e.revokeSubject(t, a.text("access_token")) },
		"the user logs out":     func(_ *testing.T, e *env, a reply) { e.logout(a.text("access_token")) },
		"the token expires":     func(*testing.T, *env, reply) { pass(10 * time.Minute) },
		"its signing key is gone": func(t *testing.T, e *env, _ reply) {
			e.Config.Keys.Set(keystest.New(t, token.DefaultAlgorithm).KeySet())
		},
		"a refresh token is stale": func(_ *testing.T, e *env, a reply) { e.reuse(a.text("refresh_token")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, peered)
				answer := e.tokens(t)
				pass(time.Second)
				if got := e.introspect(answer.text("access_token")); got.json["active"] != true {
					t.Fatalf("before: %d %s", got.Code, got.Body)
				}
				end(t, e, answer)
				if got := e.introspect(answer.text("access_token")); got.Code != http.StatusOK || got.Body.String() != inactive {
					t.Errorf("%d %s", got.Code, got.Body)
				}
			})
		})
	}
}

func (e *env) revoke(raw string) {
	e.post("/revoke", "application/x-www-form-urlencoded", url.Values{"token": {raw}}.Encode())
}

func (e *env) revokeSubject(t *testing.T, access string) {
	t.Helper()
	_, err := e.Gateway.RevokeSubject(t.Context(), e.subjectOf(t, access))
	check(t, err)
}

func (e *env) logout(access string) {
	r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/logout", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+access)
	e.send(r)
}

// reuse refreshes, and presents the first refresh token again: another client has it.
func (e *env) reuse(refresh string) {
	e.refresh(e.refresh(refresh).text("refresh_token"))
	pass(time.Minute)
	e.refresh(refresh)
}

// TestIntrospectionDoesNotGuess: without the store or the keys the answer is 503, and not that a token is
// active or inactive.
func TestIntrospectionDoesNotGuess(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*env) error{
		"no store": func(e *env) error { return e.Config.Store.Close() },
		"no keys":  func(e *env) error { e.Config.Keys.Set(nil); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, peered)
				raw := e.login(t)
				check(t, fail(e))
				if got := e.introspect(raw); got.Code != http.StatusServiceUnavailable || got.text("error") != "temporarily_unavailable" || got.Header().Get("Retry-After") == "" {
					t.Errorf("%d %s", got.Code, got.Body)
				}
			})
		})
	}
}

// TestIntrospectionIsForPeersAlone: a client that is no peer of verify gets the answer of a URL that does not
// exist, whatever it asks.
func TestIntrospectionIsForPeersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, peered, func(c *gateway.Config, _ *signicattest.Config) { c.Verify = []string{"192.0.2.2"} })
		raw := e.login(t)
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
			ask := func(path string) reply {
				r := httptest.NewRequest(method, publicURL+logintest.Path+path, strings.NewReader("token="+raw))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("X-Forwarded-For", "192.0.2.2")
				return reply{ResponseRecorder: e.Do(r, e.client)}
			}
			got, nowhere := ask("/introspect"), ask("/nosuch")
			if got.Code != nowhere.Code || got.Body.String() != nowhere.Body.String() || got.Header().Get("Allow") != nowhere.Header().Get("Allow") {
				t.Errorf("%s: %d %s, where nothing is it is %d %s", method, got.Code, got.Body, nowhere.Code, nowhere.Body)
			}
		}
	})
}
