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

// dropKeys puts another key in the place of all keys.
func (b *bubble) dropKeys(t *testing.T) {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	check(t, err)
	keys, err := token.NewKeySet(key)
	check(t, err)
	b.Config.Keys.Set(keys)
}

// said is what a token says, without what differs from token to token of a login.
func said(t *testing.T, raw string) map[string]any {
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

// TestRepeatedFinishGetsTheLoginAgain is an app whose first answer was lost. It gets the same token as
// long as that can be used, and else another one of the same login.
func TestRepeatedFinishGetsTheLoginAgain(t *testing.T) {
	t.Parallel()
	for name, refresh := range map[string]time.Duration{"with refresh": 30 * 24 * time.Hour, "without": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				memory := store.NewMemory(time.Now)
				t.Cleanup(func() { _ = memory.Close() })
				b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) {
					c.Store, c.Token.Refresh, c.Token.Lifetime = memory, refresh, 4*time.Minute
				}, roomy)
				p := b.begun(t)
				first := p.redeem()
				pass(2 * time.Minute)
				if again := p.redeem(); again.text("access_token") != first.text("access_token") || again.text("refresh_token") != first.text("refresh_token") {
					t.Fatalf("first %s, again %d %s", first.Body, again.Code, again.Body)
				}
				b.dropKeys(t)
				second := p.redeem()
				if second.Code != http.StatusOK || second.text("access_token") == first.text("access_token") {
					t.Fatalf("after the key was dropped: %d %s", second.Code, second.Body)
				}
				if diff := cmp.Diff(said(t, first.text("access_token")), said(t, second.text("access_token"))); diff != "" {
					t.Errorf("it says something else:\n%s", diff)
				}
				if used := b.get("/api", second.text("access_token")); used.Code != http.StatusTeapot {
					t.Errorf("using it: %d %s", used.Code, used.Body)
				}
				if again := p.redeem(); again.text("access_token") != second.text("access_token") {
					t.Error("every repeat gets another token")
				}
				left := second.json["expires_in"].(float64)
				if want := map[bool]float64{true: 240, false: 120}[refresh > 0]; left != want {
					t.Errorf("expires_in is %v, want what is left of the login, %v", left, want)
				}
				pass(110 * time.Second) // 10 s before the end of a login without refresh
				third := p.redeem()
				if third.Code != http.StatusOK {
					t.Errorf("at the login's end: %d %s", third.Code, third.Body)
				}
				pass(20 * time.Second)
				if late := p.redeem(); (late.Code == http.StatusOK) != (refresh > 0) {
					t.Errorf("after the first token's end: %d %s", late.Code, late.Body)
				}
			})
		})
	}
}

// TestRepeatedFinishGetsNothingAfterLogout repeats a finish for as long as its record is kept, after the
// login was ended. The tokens are so short that their own end comes first.
func TestRepeatedFinishGetsNothingAfterLogout(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *bubble, string){
		"logout": func(t *testing.T, b *bubble, access string) {
			r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+"/logout", nil)
			r.Header.Set("Authorization", "Bearer "+access)
			if got := b.send(r); got.Code != http.StatusNoContent {
				t.Errorf("logout: %d %s", got.Code, got.Body)
			}
		},
		"the token's revocation": func(t *testing.T, b *bubble, access string) {
			if got := b.post("/revoke", "application/x-www-form-urlencoded", "token="+access); got.Code != http.StatusOK {
				t.Errorf("revoking: %d %s", got.Code, got.Body)
			}
		},
		"the subject's revocation": func(t *testing.T, b *bubble, access string) {
			_, err := b.Gateway.RevokeSubject(t.Context(), b.subjectOf(t, access))
			check(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				memory := store.NewMemory(time.Now)
				t.Cleanup(func() { _ = memory.Close() })
				b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) {
					c.Store, c.Token.Refresh = memory, 30*24*time.Hour
					c.Token.Lifetime, c.Cookie.Lifetime = time.Minute, time.Minute
				}, roomy)
				end(t, b, b.login(t))
				for range 60 {
					if got := b.ended.redeem(); got.problem() != "invalid_grant" {
						t.Fatalf("got %d %s", got.Code, got.Body)
					}
					pass(5 * time.Second)
				}
			})
		})
	}
}

// TestRepeatedFinishAfterRefreshes is an app that was closed after some refreshes and posts its code
// again. What it gets must work: an older refresh token would end the login as stolen.
func TestRepeatedFinishAfterRefreshes(t *testing.T) {
	t.Parallel()
	for refreshes := range 4 {
		synctest.Test(t, func(t *testing.T) {
			memory := store.NewMemory(time.Now)
			t.Cleanup(func() { _ = memory.Close() })
			b := openBubble(t, func(c *gateway.Config, _ *signicattest.Config) {
				c.Store, c.Token.Refresh, c.Token.Lifetime = memory, 30*24*time.Hour, time.Minute
			}, roomy)
			p := b.begun(t)
			got := p.redeem()
			for range refreshes {
				pass(50 * time.Second)
				got = b.refresh(got.text("refresh_token"))
			}
			again := p.redeem()
			if again.Code != http.StatusOK {
				t.Fatalf("after %d refreshes the finish: %d %s", refreshes, again.Code, again.Body)
			}
			if used := b.get("/api", again.text("access_token")); used.Code != http.StatusTeapot {
				t.Errorf("after %d refreshes the access token: %d %s", refreshes, used.Code, used.Body)
			}
			if next := b.refresh(again.text("refresh_token")); next.Code != http.StatusOK {
				t.Errorf("after %d refreshes the refresh token: %d %s", refreshes, next.Code, next.Body)
			}
		})
	}
}
