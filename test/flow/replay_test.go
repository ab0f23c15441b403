package flow_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// replaceKeys replaces all signing keys with a new one.
func (e *env) replaceKeys(t *testing.T) {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	check(t, err)
	keys, err := token.NewKeySet(key)
	check(t, err)
	e.Config.Keys.Set(keys)
}

// claimsOf returns the claims of a token, without those that differ between the tokens of one login.
func claimsOf(t *testing.T, raw string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	check(t, err)
	var claims map[string]any
	check(t, json.Unmarshal(payload, &claims))
	login, _, _ := strings.Cut(claims["jti"].(string), ".")
	claims["login"] = login
	for _, name := range []string{"iat", "jti", "exp"} {
		delete(claims, name)
	}
	return claims
}

// TestRepeatedFinishGetsTheLoginAgain has an app lose the first answer and ask again. It gets the same token
// while that token is valid, and then another token of the same login.
func TestRepeatedFinishGetsTheLoginAgain(t *testing.T) {
	t.Parallel()
	for name, refresh := range map[string]time.Duration{"with refresh": 30 * 24 * time.Hour, "without": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				memory := store.NewMemory(time.Now)
				t.Cleanup(func() { _ = memory.Close() })
				e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
					c.Store, c.Token.Refresh, c.Token.Lifetime = memory, refresh, 4*time.Minute
				}, highLimits)
				a := e.approvedApp(t)
				first := a.redeem()
				pass(2 * time.Minute)
				if again := a.redeem(); again.text("access_token") != first.text("access_token") || again.text("refresh_token") != first.text("refresh_token") {
					t.Fatalf("first %s, again %d %s", first.Body, again.Code, again.Body)
				}
				e.replaceKeys(t)
				second := a.redeem()
				if second.Code != http.StatusOK || second.text("access_token") == first.text("access_token") {
					t.Fatalf("after the key was dropped: %d %s", second.Code, second.Body)
				}
				if diff := cmp.Diff(claimsOf(t, first.text("access_token")), claimsOf(t, second.text("access_token"))); diff != "" {
					t.Errorf("the claims differ (-first +second):\n%s", diff)
				}
				if used := e.get("/api", second.text("access_token")); used.Code != http.StatusTeapot {
					t.Errorf("using it: %d %s", used.Code, used.Body)
				}
				if again := a.redeem(); again.text("access_token") != second.text("access_token") {
					t.Error("every repeat gets another token")
				}
				left := second.json["expires_in"].(float64)
				if want := map[bool]float64{true: 240, false: 120}[refresh > 0]; left != want {
					t.Errorf("expires_in is %v, want what is left of the login, %v", left, want)
				}
				pass(110 * time.Second) // 10 s before the end of a login without refresh
				third := a.redeem()
				if third.Code != http.StatusOK {
					t.Errorf("at the login's end: %d %s", third.Code, third.Body)
				}
				pass(20 * time.Second)
				if late := a.redeem(); (late.Code == http.StatusOK) != (refresh > 0) {
					t.Errorf("after the first token's end: %d %s", late.Code, late.Body)
				}
			})
		})
	}
}

// TestRepeatedFinishGetsNothingAfterLogout ends a login and repeats its finish as long as the record is kept.
// The tokens expire earlier than the record.
func TestRepeatedFinishGetsNothingAfterLogout(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *env, string){
		"logout": func(t *testing.T, e *env, access string) {
			r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/logout", nil)
			r.Header.Set("Authorization", "Bearer "+access)
			if got := e.send(r); got.Code != http.StatusNoContent {
				t.Errorf("logout: %d %s", got.Code, got.Body)
			}
		},
		"the token's revocation": func(t *testing.T, e *env, access string) {
			if got := e.post("/revoke", "application/x-www-form-urlencoded", "token="+access); got.Code != http.StatusOK {
				t.Errorf("revoking: %d %s", got.Code, got.Body)
			}
		},
		"the subject's revocation": func(t *testing.T, e *env, access string) {
			_, err := e.Gateway.RevokeSubject(t.Context(), e.subjectOf(t, access))
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				memory := store.NewMemory(time.Now)
				t.Cleanup(func() { _ = memory.Close() })
				e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
					c.Store, c.Token.Refresh = memory, 30*24*time.Hour
					c.Token.Lifetime, c.Cookie.Lifetime = time.Minute, time.Minute
				}, highLimits)
				end(t, e, e.login(t))
				for range 60 {
					if got := e.finished.redeem(); got.problem() != "invalid_grant" {
						t.Fatalf("got %d %s", got.Code, got.Body)
					}
					pass(5 * time.Second)
				}
			})
		})
	}
}

// TestRepeatedFinishAfterRefreshes has an app refresh some times, restart and post its code again. It gets the
// latest refresh token. An older one would end the login as stolen.
func TestRepeatedFinishAfterRefreshes(t *testing.T) {
	t.Parallel()
	for refreshes := range 4 {
		synctest.Test(t, func(t *testing.T) {
			memory := store.NewMemory(time.Now)
			t.Cleanup(func() { _ = memory.Close() })
			e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
				c.Store, c.Token.Refresh, c.Token.Lifetime = memory, 30*24*time.Hour, time.Minute
			}, highLimits)
			a := e.approvedApp(t)
			got := a.redeem()
			for range refreshes {
				pass(50 * time.Second)
				got = e.refresh(got.text("refresh_token"))
			}
			again := a.redeem()
			if again.Code != http.StatusOK {
				t.Fatalf("after %d refreshes the finish: %d %s", refreshes, again.Code, again.Body)
			}
			if used := e.get("/api", again.text("access_token")); used.Code != http.StatusTeapot {
				t.Errorf("after %d refreshes the access token: %d %s", refreshes, used.Code, used.Body)
			}
			if next := e.refresh(again.text("refresh_token")); next.Code != http.StatusOK {
				t.Errorf("after %d refreshes the refresh token: %d %s", refreshes, next.Code, next.Body)
			}
		})
	}
}
