package logintest

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// before makes Signicat show SUCCESS as soon as the user approved.
var before = Options{Simulator: signicattest.Config{Switches: signicattest.Switches{SuccessBeforeValidation: true}}}

// lostScenarios: no client can know whether Signicat used the code.
var lostScenarios = []Scenario{
	{"lost: Signicat used the code and its answer is lost", Options{}, lostAnswer},
	{"lost: Signicat used the code and answered 401", Options{}, lostUnauthorized},
	{"lost: the validation fails once, the code is sent again", Options{}, lostRequest},
	{"lost: Signicat accepts a used code again", Options{Simulator: signicattest.Config{Switches: signicattest.Switches{UsedCodeAccepted: true}}}, lostButAccepted},
	{"lost: Signicat is unavailable, the app asks again", Options{}, lostBoth},
	{"lost: a read fails, the app asks again", Options{}, lostRead},
	{"lost: SUCCESS never settles a wrong code", before, lostWrongCode},
	{"lost: a made-up code waits for the user's approval in vain", before, lostEarlyCode},
	{"lost: SUCCESS before the code ends nothing", before, lostEarlySuccess},
	{"race: of fifty finishes one does the work", Options{}, raceFinishes},
}

// lostAnswers are the ways to lose the answer of a call that was carried out.
var lostAnswers = map[string]signicattest.Fault{
	"cut":        {Cut: signicattest.CutBeforeHeaders},
	"cut short":  {Cut: signicattest.CutMidBody},
	"500":        {Status: 500},
	"a web page": {Body: signicattest.BodyHTML},
	"a redirect": {Redirect: "https://example.be/"},
	"a 202":      {Status: http.StatusAccepted},
}

// lostAnswer: the code is sent once more and refused, since it was used. The login ends, and the next one works.
func lostAnswer(t *testing.T, e *Env) {
	for name, fault := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			fault.Operation, fault.Call, fault.After = "validate_code", 1, true
			wantSentTwiceAndRefused(t, e, fault)
			e.NewApp().Login(t, "adult")
		})
	}
}

// lostUnauthorized: the client sends the code again with another Signicat access token.
func lostUnauthorized(t *testing.T, e *Env) {
	wantSentTwiceAndRefused(t, e, signicattest.Fault{Operation: "validate_code", Call: 1, After: true, Status: http.StatusUnauthorized})
}

func wantSentTwiceAndRefused(t *testing.T, e *Env, fault signicattest.Fault) {
	t.Helper()
	app, code, state := e.approved(t, "adult")
	e.script(t, fault)
	sent := e.Counts()
	for range 2 {
		wantError(t, app.Redeem(t, code, state), http.StatusBadRequest, "invalid_grant")
	}
	wantStatus(t, app, "failed")
	e.wantSent(t, sent, "validate_code", 2)
}

func lostButAccepted(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	e.script(t, signicattest.Fault{Operation: "validate_code", Call: 1, After: true, Status: 500})
	wantAnswer(t, "redeeming", app.Redeem(t, code, state), http.StatusOK)
}

func lostRequest(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	e.script(t, signicattest.Fault{Operation: "validate_code", Call: 1, Status: 503})
	wantAnswer(t, "redeeming", app.Redeem(t, code, state), http.StatusOK)
	e.wantCalls(t, "validate_code", 2)
}

func lostBoth(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	e.script(t, signicattest.Fault{Operation: "validate_code", Status: 503, RetryAfter: "7"})
	got := app.Redeem(t, code, state)
	wantError(t, got, http.StatusServiceUnavailable, "temporarily_unavailable")
	if got.Header.Get("Retry-After") != "7" {
		t.Errorf("Retry-After is %q, want Signicat's 7", got.Header.Get("Retry-After"))
	}
	wantStatus(t, app, "pending")
	e.Signicat.ClearScript()
	wantAnswer(t, "asking again", app.Redeem(t, code, state), http.StatusOK)
}

func lostRead(t *testing.T, e *Env) {
	warm(t, e)
	app, code, state := e.approved(t, "adult")
	e.script(t, signicattest.Fault{Operation: "read_session", Call: 1, Times: 2, Status: 500})
	got := app.Redeem(t, code, state)
	if got.Status == http.StatusBadRequest && got.Text("error") == "authorization_pending" {
		got = app.Redeem(t, code, state)
	}
	if got.Status != http.StatusOK {
		t.Errorf("redeeming: %d %s", got.Status, got.Body)
	}
	e.wantCalls(t, "validate_code", 2)
}

// lostWrongCode: an attacker who started a login presents a made-up code while Signicat has trouble, and
// the session shows SUCCESS because the user approved.
func lostWrongCode(t *testing.T, e *Env) {
	for name, fault := range lostAnswers {
		t.Run(name, func(t *testing.T) {
			app, _, state := e.approved(t, "adult")
			fault.Operation, fault.Call = "validate_code", 1
			e.script(t, fault)
			wantError(t, app.Redeem(t, strings.Repeat("a", 36), state), http.StatusBadRequest, "invalid_grant")
			e.Signicat.ClearScript()
		})
	}
}

// lostEarlyCode: the same with the made-up code sent before the user approves.
func lostEarlyCode(t *testing.T, e *Env) {
	app := e.NewApp()
	app.Start(t)
	info, err := e.Signicat.Session(app.Link)
	if err != nil {
		t.Fatal(err)
	}
	e.script(t, signicattest.Fault{Operation: "validate_code", Status: 503})
	wantError(t, app.Redeem(t, strings.Repeat("a", 36), info.State), http.StatusServiceUnavailable, "temporarily_unavailable")
	app.Approve(t, "adult")
	if got := app.Redeem(t, strings.Repeat("a", 36), info.State); got.Status == http.StatusOK {
		t.Errorf("a made-up code was given a token")
	}
	e.Signicat.ClearScript()
	wantError(t, app.Redeem(t, strings.Repeat("a", 36), info.State), http.StatusBadRequest, "invalid_grant")
}

// lostEarlySuccess: the app asks for the status before it posts its code, and Signicat shows SUCCESS already.
func lostEarlySuccess(t *testing.T, e *Env) {
	app, code, state := e.approved(t, "adult")
	wantStatus(t, app, "pending")
	wantAnswer(t, "redeeming", app.Redeem(t, code, state), http.StatusOK)
	wantStatus(t, app, "issued")
}

func raceFinishes(t *testing.T, e *Env) {
	warm(t, e)
	app, code, state := e.approved(t, "adult")
	sent := e.Counts()
	answers := make([]Answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = app.Redeem(t, code, state) })
	}
	all.Wait()
	tokens := map[string]int{}
	for _, a := range answers {
		if a.Status != http.StatusOK && a.Text("error") != "authorization_pending" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		tokens[a.Text("access_token")]++
	}
	delete(tokens, "")
	if len(tokens) != 1 {
		t.Errorf("%d different tokens", len(tokens))
	}
	e.wantSent(t, sent, "validate_code", 1)
	e.wantSent(t, sent, "read_session", 1)
}
