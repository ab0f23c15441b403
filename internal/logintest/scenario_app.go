package logintest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// sensitiveClaims names the national number, which the token has only then.
var sensitiveClaims = []string{"name", "given_name", "family_name", "birthdate", "nin"}

var appScenarios = []Scenario{
	{"app: a login ends in a token, and the upstream learns who calls", Options{Claims: sensitiveClaims}, appSuccess},
	{"app: a login costs one create, one validation and one read", Options{}, appCost},
	{"app: a read that is not SUCCESS yet is repeated", Options{Simulator: signicattest.Config{Switches: signicattest.Switches{ReadsBeforeSuccess: 2}}}, appLagging},
	{"app: without a token nothing reaches the upstream", Options{}, appWithoutToken},
	{"app: the person refuses", Options{}, appRefused},
	{"app: the app gives up", Options{}, appCancels},
	{"app: Signicat ends the session", Options{}, appEnded},
	{"app: a wrong state or verifier consumes nothing", Options{}, appWrongBinding},
	{"app: another code is refused", Options{}, appOtherCode},
	{"app: a code that Signicat refuses ends the login", Options{}, appRefusedCode},
	{"app: the same finish gets the same token", Options{}, appReplay},
	{"app: after logout the token is refused and not handed out again", Options{}, appLogout},
	{"app: a start that is repeated is the same session", Options{}, appRepeatedStart},
	{"app: malformed requests are refused and start nothing", Options{}, appMalformed},
}

func appSuccess(t *testing.T, e *Env) {
	app := e.NewApp()
	token := app.Login(t, "adult")
	if got := app.Call(t, "/api?x=1", token); got.Status != http.StatusOK || got.Body != "upstream" {
		t.Fatalf("the call: %d %s", got.Status, got.Body)
	}
	person := e.Signicat.Personas()[0]
	header := e.Upstream.Last()
	want := map[string]string{
		"X-Itsme-Subject":     person.SubjectID,
		"X-Itsme-Name":        person.Attributes["name"],
		"X-Itsme-Given-Name":  person.Attributes["firstName"],
		"X-Itsme-Family-Name": person.Attributes["lastName"],
		"X-Itsme-Birthdate":   person.Attributes["dateOfBirth"],
		"X-Itsme-Nin":         person.NIN,
		"X-Itsme-Acr":         person.LoA,
		"X-Itsme-Auth-Time":   header.Get("X-Itsme-Auth-Time"),
		"Authorization":       header.Get("Authorization"),
	}
	got := map[string]string{}
	for name := range header {
		if strings.HasPrefix(name, "X-Itsme-") || name == "Authorization" {
			got[name] = header.Get(name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the upstream saw (-want +got):\n%s", diff)
	}
	wantMinted(t, e, header.Get("Authorization"), token)
	if got["X-Itsme-Auth-Time"] == "" {
		t.Error("no X-Itsme-Auth-Time")
	}
	wantStatus(t, app, "issued")
	if info := app.Call(t, Path+"/userinfo", token); info.Text("sub") != person.SubjectID || info.Text("name") != person.Attributes["name"] {
		t.Errorf("userinfo: %d %s", info.Status, info.Body)
	}
}

// wantMinted checks that an upstream got a token of its own, made from the client's, which is no credential.
func wantMinted(t *testing.T, e *Env, authorization, parent string) {
	t.Helper()
	raw, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok || raw == parent {
		t.Fatalf("the upstream got %q", authorization)
	}
	minted := claims(t, raw)
	if parent != "" && minted["parent"] != claims(t, parent)["jti"] {
		t.Errorf("parent is %v", minted["parent"])
	}
	if minted["sid"] == nil || minted["parent"] == nil {
		t.Errorf("sid is %v, parent is %v", minted["sid"], minted["parent"])
	}
	wantAnswer(t, "the upstream's token as a credential", e.NewApp().Call(t, "/api", raw), http.StatusUnauthorized)
}

// warm makes the gateway request its Signicat access token.
func warm(t *testing.T, e *Env) {
	t.Helper()
	e.NewApp().Login(t, "adult")
}

func appCost(t *testing.T, e *Env) {
	warm(t, e)
	before := e.Counts()
	e.NewApp().Login(t, "adult")
	want := map[string]int{"access_token": 0, "create_session": 1, "validate_code": 1, "read_session": 1, "cancel_session": 0}
	got := map[string]int{}
	for operation := range want {
		got[operation] = e.Sent(before, operation)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls of one login (-want +got):\n%s", diff)
	}
}

func appLagging(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	answer := app.Redeem(t, code, state)
	if answer.Status != http.StatusOK {
		t.Fatalf("redeeming: %d %s", answer.Status, answer.Body)
	}
	e.wantCalls(t, "validate_code", 1)
}

func appWithoutToken(t *testing.T, e *Env) {
	app := e.NewApp()
	for _, row := range []struct{ name, token, challenge, code string }{
		{"none", "", "Bearer", "authentication_required"},
		{"garbage", "garbage", "Bearer error=", "invalid_token"},
		{"forged", strings.Repeat("e30", 3) + ".e30.AAAA", "Bearer error=", "invalid_token"},
	} {
		got := app.Call(t, "/api", row.token)
		if got.Status != http.StatusUnauthorized || got.Text("code") != row.code {
			t.Errorf("%s: %d %s", row.name, got.Status, got.Body)
		}
		challenge := got.Header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, row.challenge) || (row.token == "" && strings.Contains(challenge, "error=")) {
			t.Errorf("%s: WWW-Authenticate is %q", row.name, challenge)
		}
		if got.Header.Get("Content-Type") != "application/problem+json" || got.Text("type") != e.URL+Path+"/problems/"+row.code {
			t.Errorf("%s: the problem is %s %s", row.name, got.Header.Get("Content-Type"), got.Body)
		}
	}
	e.wantNoUpstream(t)
	e.wantCalls(t, "access_token", 0)
}

func appRefused(t *testing.T, e *Env) {
	app := e.NewApp()
	app.Start(t)
	back, err := e.Signicat.Refuse(app.Link)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	cancel := map[string]string{"code_verifier": app.Verifier, "error": u.Query().Get("error")}
	for range 2 {
		wantAnswer(t, "cancelling", app.PostJSON(t, "/sessions/"+app.SessionID+"/cancel", cancel), http.StatusNoContent)
	}
	wantStatus(t, app, "denied")
	wantError(t, app.Redeem(t, "somecode", u.Query().Get("state")), http.StatusBadRequest, "access_denied")
	waitCount(t, e, "cancel_session", 1)
}

func appCancels(t *testing.T, e *Env) {
	app, stranger := e.NewApp(), e.NewApp()
	app.Start(t)
	path := "/sessions/" + app.SessionID + "/cancel"
	wantAnswer(t, "a stranger cancels", stranger.PostJSON(t, path, map[string]string{"code_verifier": stranger.Verifier}), http.StatusNotFound)
	wantStatus(t, app, "pending")
	wantAnswer(t, "cancelling", app.PostJSON(t, path, map[string]string{"code_verifier": app.Verifier}), http.StatusNoContent)
	wantStatus(t, app, "cancelled")
	wantAnswer(t, "an error that is no code", app.PostJSON(t, path, map[string]string{"code_verifier": app.Verifier, "error": "line\nbreak"}), http.StatusBadRequest)
	waitCount(t, e, "cancel_session", 1)
}

func appEnded(t *testing.T, e *Env) {
	for _, row := range []struct {
		name, status, code string
		end                func(string) error
	}{
		{"ABORT", "aborted", "access_denied", e.Signicat.Abort},
		{"ERROR", "failed", "invalid_grant", func(s string) error { return e.Signicat.Fail(s, signicattest.SessionError{}) }},
		{"INVALID", "failed", "invalid_grant", e.Signicat.Invalidate},
		{"CANCELLED", "cancelled", "access_denied", e.Signicat.Cancel},
		{"EXPIRED", "expired", "expired_token", e.Signicat.Expire},
	} {
		t.Run(row.name+" while the app asks for the status", func(t *testing.T) {
			app := e.NewApp()
			app.Start(t)
			if err := row.end(app.Link); err != nil {
				t.Fatal(err)
			}
			wantStatus(t, app, row.status)
		})
		t.Run(row.name+" when the code comes", func(t *testing.T) {
			app, code, state := e.approved(t, "adult")
			if err := row.end(app.Link); err != nil {
				t.Fatal(err)
			}
			// Signicat refuses the code of a session that has ended.
			wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
		})
	}
}

// pass lets time pass, on the clock of the gateway or on the wall clock.
func (e *Env) pass(d time.Duration) {
	if e.Advance != nil {
		e.Advance(d)
		return
	}
	<-time.After(d)
}

func appLogout(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	token := app.Redeem(t, code, state).Text("access_token")
	wantAnswer(t, "logout", app.Logout(t, token), http.StatusNoContent)
	if got := app.Call(t, "/api", token); got.Status != http.StatusUnauthorized || got.Text("code") != "invalid_token" {
		t.Errorf("after logout: %d %s", got.Status, got.Body)
	}
	wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
}

func appRepeatedStart(t *testing.T, e *Env) {
	app := e.NewApp()
	app.Start(t)
	first := app.SessionID
	app.Start(t)
	if app.SessionID != first || e.Signicat.Count("create_session") != 1 {
		t.Errorf("the repeated start is another session, with %d creates", e.Signicat.Count("create_session"))
	}
	other := e.NewApp()
	other.Start(t)
	if other.SessionID == first {
		t.Error("another challenge got the same session")
	}
}
