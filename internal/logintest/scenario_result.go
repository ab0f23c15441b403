package logintest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// crossScenarios: what was started as one kind never ends as the other.
var crossScenarios = []Scenario{
	{"cross: an app's return in a browser logs no user in", Options{}, crossAppInBrowser},
	{"cross: a browser's return in an app logs no user in", Options{}, crossBrowserInApp},
	{"cross: a code of another login leaves both usable", Options{}, crossCodes},
}

func crossAppInBrowser(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	b := e.NewBrowser(t)
	for _, path := range []string{"/callback", "/app/callback"} {
		page := b.Navigate(t, Path+path+"?code="+code+"&state="+state)
		if strings.Contains(page.Body, code) || len(b.Cookies(t)) != 0 || page.Status == http.StatusSeeOther {
			t.Errorf("%s: %d, cookies %v: %s", path, page.Status, b.Cookies(t), page.Body)
		}
	}
	e.wantCalls(t, "validate_code", 0)
	wantAnswer(t, "the app", app.Redeem(t, code, state), http.StatusOK)
}

func crossBrowserInApp(t *testing.T, e *Env) {
	b := e.NewBrowser(t)
	back := approve(t, e, b.Start(t, "/"), "adult")
	code, state := codeAndState(t, back)
	wantError(t, e.NewApp().Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
	wantAnswer(t, "the browser", b.Navigate(t, back), http.StatusSeeOther)
}

func crossCodes(t *testing.T, e *Env) {
	victim, attacker := e.NewApp(), e.NewApp()
	victim.Start(t)
	attacker.Start(t)
	stolen, state := victim.Approve(t, "adult")
	_, attackerState := attacker.Approve(t, "bis")
	wantError(t, attacker.Redeem(t, stolen, attackerState), http.StatusBadRequest, "invalid_grant")
	wantAnswer(t, "the victim's own login", victim.Redeem(t, stolen, state), http.StatusOK)
}

// resultScenarios: a SUCCESS of another login, or one that does not suffice.
var resultScenarios = []Scenario{
	{"result: a result that does not suffice logs no user in", Options{LoA: "substantial"}, resultRefused},
	{"result: the level is the one that was asked for", Options{LoA: "substantial"}, resultLoA},
	{"result: an answer to the start that cannot be trusted starts nothing", Options{}, resultStart},
	{"result: every attribute arrives as a claim and a header", Options{
		Attributes: []string{"name", "email", "phoneNumber", "locale", "address", "nationality", "gender"},
	}, resultAttributes},
}

func resultRefused(t *testing.T, e *Env) {
	for _, row := range []struct {
		name     string
		override signicattest.Override
	}{
		{"a lower level", signicattest.Override{Session: map[string]any{"loa": "low"}}},
		{"no level", signicattest.Override{Session: map[string]any{"loa": nil}}},
		{"an unknown level", signicattest.Override{Session: map[string]any{"loa": "ultra"}}},
		{"no subject.id", signicattest.Override{Subject: map[string]any{"id": nil}}},
		{"an empty subject.id", signicattest.Override{Subject: map[string]any{"id": ""}}},
		{"no subject", signicattest.Override{Session: map[string]any{"subject": nil}}},
		{"another session", signicattest.Override{Session: map[string]any{"id": "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f"}}},
		{"another account", signicattest.Override{Session: map[string]any{"accountId": "a-spge-Other"}}},
		{"another provider", signicattest.Override{Session: map[string]any{"provider": "nbid"}}},
		{"another transaction", signicattest.Override{Session: map[string]any{"transactionId": "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f"}}},
		{"another transaction in idpData", signicattest.Override{IDPData: map[string]any{"transactionId": "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			app := e.NewApp()
			app.Start(t)
			e.Signicat.OverrideNextSuccess(row.override)
			code, state := app.Approve(t, "adult")
			wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
			wantStatus(t, app, "failed")
			wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
		})
	}
}

func resultLoA(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "low")
	wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")

	strict := e.NewApp()
	answer := strict.PostJSON(t, "/sessions", map[string]any{"code_challenge": strict.Challenge(), "acr_values": "high"})
	strict.Link = answer.Text("authorization_request_url")
	e.Signicat.OverrideNextSuccess(signicattest.Override{Session: map[string]any{"loa": "substantial"}})
	code, state = strict.Approve(t, "adult")
	wantError(t, strict.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
}

func resultStart(t *testing.T, e *Env) {
	const link = "https://idp.e2e.itsme.services/v2/authorization?"
	state := "&state=" + strings.Repeat("s", 43)
	back := "redirect_uri=" + strings.ReplaceAll(e.URL, ":", "%3A") + Path + "/app/callback"
	for _, row := range []struct {
		name string
		data map[string]any
	}{
		{"a link without https", map[string]any{"authorizationRequestUrl": "http://idp.example/?" + back + state}},
		{"a link that comes back elsewhere", map[string]any{"authorizationRequestUrl": link + "redirect_uri=https://evil.example" + state}},
		{"a link that comes back twice", map[string]any{"authorizationRequestUrl": link + back + "&redirect_uri=https://evil.example" + state}},
		{"a short state", map[string]any{"authorizationRequestUrl": link + back + "&state=short"}},
		{"no state", map[string]any{"authorizationRequestUrl": link + back}},
		{"no link", map[string]any{"authorizationRequestUrl": nil}},
		{"a token request URL elsewhere", map[string]any{"tokenRequestUrl": "https://evil.example/token"}},
		{"no transaction", map[string]any{"transactionId": nil}},
	} {
		t.Run(row.name, func(t *testing.T) {
			app := e.NewApp()
			e.Signicat.OverrideNextCreate(signicattest.Override{IDPData: row.data})
			got := app.PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()})
			if got.Status != http.StatusServiceUnavailable || got.Text("code") != "signicat_unavailable" || got.Header.Get("Retry-After") == "" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
}

func resultAttributes(t *testing.T, e *Env) {
	app := e.NewApp()
	token := app.Login(t, "adult")
	app.Call(t, "/api", token)
	header := e.Upstream.Last()
	for name, want := range map[string]string{
		"X-Itsme-Email-Verified": "false",
		"X-Itsme-Locale":         "nl",
		"X-Itsme-Nationality":    "belge",
		"X-Itsme-Address":        "Rue Royale 82 1000 Bruxelles",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if phone := header.Get("X-Itsme-Phone-Number"); strings.ContainsAny(phone, " -") || !strings.HasPrefix(phone, "+32") {
		t.Errorf("X-Itsme-Phone-Number is %q", phone)
	}
}

// waitCount waits until Signicat saw an operation that often. Work that outlives its request may end after
// the answer.
func waitCount(t *testing.T, e *Env, operation string, want int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for e.Signicat.Count(operation) < want {
		select {
		case <-deadline:
			t.Fatalf("%s was called %d times, want %d", operation, e.Signicat.Count(operation), want)
		case <-time.After(time.Millisecond):
		}
	}
}
