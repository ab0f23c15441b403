package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

func TestLogoutReachesTheOtherReplicaWithinASecond(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	token := app.Login(t, "adult")
	e.use(0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+logintest.Path+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	e.use(1)
	<-time.After(time.Second)
	if got := app.Call(t, "/api", token); got.Status != http.StatusUnauthorized {
		t.Errorf("a second after the logout: %d %s", got.Status, got.Body)
	}
}

func TestRevokedRefreshTokenEndsTheLoginOnBoth(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	answer := app.Redeem(t, code, state)
	e.use(0)
	if got := app.Post(t, "/revoke", url.Values{"token": {answer.Text("refresh_token")}}); got.Status != http.StatusOK {
		t.Fatalf("revoking: %d %s", got.Status, got.Body)
	}
	e.use(1)
	if got := app.Refresh(t, answer.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("refreshing: %d %s", got.Status, got.Body)
	}
}

// An operator revokes at the admin endpoint of one replica. The other replica refuses within a second. The
// user can log in again.
func TestOperatorRevokesOnEveryReplica(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for what, pick := range map[string]func(claims map[string]string) string{
		"sub":   func(c map[string]string) string { return c["sub"] },
		"login": func(c map[string]string) string { return c["jti"] },
		"jti":   func(c map[string]string) string { return c["jti"] },
	} {
		app := e.NewApp()
		token := app.Login(t, "adult")
		e.use(1)
		if got := app.Call(t, "/api", token); got.Status != http.StatusOK {
			t.Fatalf("calling: %d %s", got.Status, got.Body)
		}
		if status := e.revoke(t, what, pick(claimsOf(t, token))); status != http.StatusOK {
			t.Fatalf("revoking by %s: %d", what, status)
		}
		<-time.After(time.Second)
		if got := app.Call(t, "/api", token); got.Status != http.StatusUnauthorized {
			t.Errorf("a second after it was revoked by %s: %d %s", what, got.Status, got.Body)
		}
	}
	app := e.NewApp()
	if got := app.Call(t, "/api", app.Login(t, "adult")); got.Status != http.StatusOK {
		t.Errorf("logged in again: %d %s", got.Status, got.Body)
	}
	for name, body := range map[string]string{"nothing": "{}", "two": `{"sub":"a","jti":"b"}`, "no JSON": "sub"} {
		if status := e.post(t, body); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status := e.post(t, `{"gateway":"other","sub":"a"}`); status != http.StatusNotFound {
		t.Errorf("another gateway: %d", status)
	}
}

// revoke revokes at the first replica's admin endpoint.
func (e *env) revoke(t *testing.T, what, id string) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{what: id})
	if err != nil {
		t.Fatal(err)
	}
	return e.post(t, string(body))
}

func (e *env) post(t *testing.T, body string) int {
	t.Helper()
	answer, err := http.Post("http://"+e.replicas[0].admin+"/itsme/revoke", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// claimsOf returns the text claims of a token.
func claimsOf(t *testing.T, token string) map[string]string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, value := range all {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return texts
}
