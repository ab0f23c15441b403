package logintest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func appWrongBinding(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	stranger := e.NewApp()
	before := e.Counts()
	wantError(t, stranger.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
	wantError(t, app.Redeem(t, code, state+"x"), http.StatusBadRequest, "invalid_grant")
	wantError(t, app.Redeem(t, code, strings.ToUpper(state)), http.StatusBadRequest, "invalid_grant")
	e.wantSent(t, before, "validate_code", 0)
	wantAnswer(t, "the rightful app", app.Redeem(t, code, state), http.StatusOK)
}

func appOtherCode(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	first := app.Redeem(t, code, state)
	if first.Status != http.StatusOK {
		t.Fatalf("redeeming: %d %s", first.Status, first.Body)
	}
	wantError(t, app.Redeem(t, strings.Repeat("a", 36), state), http.StatusBadRequest, "invalid_grant")
	if again := app.Redeem(t, code, state); again.Text("access_token") != first.Text("access_token") {
		t.Errorf("the right code afterwards: %d %s", again.Status, again.Body)
	}
}

func appRefusedCode(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	wantError(t, app.Redeem(t, strings.Repeat("a", 36), state), http.StatusBadRequest, "invalid_grant")
	wantStatus(t, app, "failed")
	wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
}

func appReplay(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	first := app.Redeem(t, code, state)
	again := app.Redeem(t, code, state)
	if first.Status != http.StatusOK || again.Text("access_token") != first.Text("access_token") {
		t.Fatalf("first %d %s, again %d %s", first.Status, first.Body, again.Status, again.Body)
	}
	e.wantCalls(t, "validate_code", 1)
}

// timedFinishScenarios need a clock that can be moved.
var timedFinishScenarios = []Scenario{
	{"app: the same finish gets the same login for five minutes", Options{}, appReplayLate},
	{"app: a finish that is repeated after a logout gets nothing", Options{}, appReplayAfterLogout},
}

func appReplayLate(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	first := app.Redeem(t, code, state)
	e.pass(store.Retention - 10*time.Second)
	again := app.Redeem(t, code, state)
	if first.Status != http.StatusOK || again.Text("access_token") != first.Text("access_token") {
		t.Fatalf("first %d %s, again %d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if before, after := first.JSON["expires_in"].(float64), again.JSON["expires_in"].(float64); before-after < 280 {
		t.Errorf("expires_in was %v and is %v: it must be what is left", before, after)
	}
	e.pass(20 * time.Second)
	wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
	wantAnswer(t, "the token itself", app.Call(t, "/api", first.Text("access_token")), http.StatusOK)
}

func appReplayAfterLogout(t *testing.T, e *Env) {
	for what, end := range map[string]func(*App, string) Answer{
		"logout":     func(app *App, access string) Answer { return app.Logout(t, access) },
		"revocation": func(app *App, access string) Answer { return app.Post(t, "/revoke", url.Values{"token": {access}}) },
	} {
		app, code, state := e.approved(t, "adult")
		if got := end(app, app.Redeem(t, code, state).Text("access_token")); got.Status >= http.StatusBadRequest {
			t.Fatalf("%s: %d %s", what, got.Status, got.Body)
		}
		for range 10 {
			wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
			e.pass(29 * time.Second)
		}
	}
}

func appMalformed(t *testing.T, e *Env) {
	app := e.NewApp()
	challenge := app.Challenge()
	for _, row := range []struct {
		name   string
		body   map[string]any
		status int
	}{
		{"no challenge", map[string]any{}, 400},
		{"a short challenge", map[string]any{"code_challenge": challenge[1:]}, 400},
		{"a plain challenge", map[string]any{"code_challenge": challenge, "code_challenge_method": "plain"}, 400},
		{"a redirect URI of another app", map[string]any{"code_challenge": challenge, "redirect_uri": "https://evil.example/cb"}, 400},
		{"the browser's redirect URI", map[string]any{"code_challenge": challenge, "redirect_uri": e.URL + Path + "/callback"}, 400},
		{"an unknown level", map[string]any{"code_challenge": challenge, "acr_values": "gold"}, 400},
		{"a challenge of the wrong type", map[string]any{"code_challenge": 5}, 400},
		{"a body of 17 KiB", map[string]any{"code_challenge": strings.Repeat("a", 17<<10)}, 413},
	} {
		if got := app.PostJSON(t, "/sessions", row.body); got.Status != row.status || got.Text("code") != "invalid_request" {
			t.Errorf("%s: %d %s", row.name, got.Status, got.Body)
		}
	}
	wantAnswer(t, "a form", app.Post(t, "/sessions", url.Values{"code_challenge": {challenge}}), http.StatusUnsupportedMediaType)
	if got := app.Get(t, "/sessions"); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %s", got.Status, got.Body)
	}
	if got := app.Get(t, "/sessions/"+strings.Repeat("a", 43)); got.Status != http.StatusNotFound || got.Text("code") != "session_unknown" {
		t.Errorf("an unknown session: %d %s", got.Status, got.Body)
	}
	e.wantCalls(t, "create_session", 0)
}
