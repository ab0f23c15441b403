package flow_test

import (
	"net/http"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestResultOfAnotherLoginIsRefused has Signicat answer the read of a session with the SUCCESS of another
// login: another session, account, transaction or eID, a lower level, or no user. A gateway that accepts it
// logs in another user.
func TestResultOfAnotherLoginIsRefused(t *testing.T) {
	t.Parallel()
	const other = "8aa41ada-3cd0-874b-9acd-bd0a5f7e033f"
	f := newServerEnv(t, logintest.Options{LoA: "substantial", Attributes: []string{"name"}})
	for name, override := range map[string]signicattest.Override{
		"another session":                {Session: map[string]any{"id": other}},
		"another account":                {Session: map[string]any{"accountId": "a-spge-Other"}},
		"another transaction":            {Session: map[string]any{"transactionId": other}},
		"another transaction with itsme": {IDPData: map[string]any{"transactionId": other}},
		"another provider":               {Session: map[string]any{"provider": "nbid"}},
		"a lower level":                  {Session: map[string]any{"loa": "low"}},
		"no level":                       {Session: map[string]any{"loa": nil}},
		"no user":                        {Subject: map[string]any{"id": ""}},
	} {
		app := f.NewApp()
		app.Start(t)
		f.Signicat.OverrideNextSuccess(override)
		code, state := app.Approve(t, "adult")
		answer := app.Redeem(t, code, state)
		if answer.Status != http.StatusBadRequest || answer.Text("error") != "invalid_grant" || answer.Text("access_token") != "" {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	app := f.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	if answer := app.Redeem(t, code, state); answer.Status != http.StatusOK {
		t.Errorf("the login's own: %d %s; this test proves nothing", answer.Status, answer.Body)
	}
}
