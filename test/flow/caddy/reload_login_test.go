package caddy_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// gracePeriod is grace_period: how long requests may take after their configuration was replaced.
const gracePeriod = 10 * time.Second

// newReloadEnv is an environment with a grace period.
func newReloadEnv(t *testing.T) *env {
	t.Helper()
	return newEnv(t, options{global: "\tgrace_period " + gracePeriod.String() + "\n"})
}

// untilServed waits until the new configuration answers at a URL, over three new connections in a row. The old
// server still accepts connections for a moment, and closes them.
func untilServed(t *testing.T, s *caddytest.Server, url string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for served := 0; served < 3; {
		answer, err := s.Client.Get(url)
		s.Client.CloseIdleConnections()
		if err == nil {
			_ = answer.Body.Close()
			served++
			continue
		}
		if served = 0; time.Now().After(deadline) {
			t.Fatalf("after a reload: %v", err)
		}
	}
	http.DefaultClient.CloseIdleConnections() // they belong to the old configuration
}

// delay makes Signicat take a second for the next call of an operation. The function that it returns waits
// until the call has arrived.
func (e *env) delay(t *testing.T, operation string) (seen func()) {
	t.Helper()
	if err := e.Signicat.Script(signicattest.Fault{Operation: operation, Call: 1, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	before := e.Signicat.Count(operation)
	return func() {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for e.Signicat.Count(operation) == before {
			select {
			case <-deadline:
				t.Fatalf("%s was not called", operation)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// inBackground sends a request and returns the channel for its answer.
func inBackground(ask func() logintest.Answer) <-chan logintest.Answer {
	answer := make(chan logintest.Answer, 1)
	go func() { answer <- ask() }()
	return answer
}

// TestLoginsUnderWaySurviveAReload starts logins before a reload and finishes them after it, as an app and as
// a browser. A finish from before can be repeated, and its token is still valid.
func TestLoginsUnderWaySurviveAReload(t *testing.T) {
	e := newReloadEnv(t)
	done, app, browser := e.NewApp(), e.NewApp(), e.NewBrowser(t)
	done.Start(t)
	doneCode, doneState := done.Approve(t, "adult")
	first := done.Redeem(t, doneCode, doneState)
	app.Start(t)
	link := browser.Start(t, "/account")
	e.reload(t)
	back, err := e.Signicat.Approve(link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	code, state := app.Approve(t, "adult")
	e.reload(t)
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("the app: %d %s", got.Status, got.Body)
	}
	if got := browser.Navigate(t, back); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/account" {
		t.Errorf("the browser: %d %s", got.Status, got.Body)
	}
	if again := done.Redeem(t, doneCode, doneState); again.Status != http.StatusOK || again.Text("access_token") != first.Text("access_token") {
		t.Errorf("the same finish again: %d %s", again.Status, again.Body)
	}
	if got := done.Call(t, "/api", first.Text("access_token")); got.Status != http.StatusOK {
		t.Errorf("a token from before: %d", got.Status)
	}
	if n := e.Signicat.Count("validate_code"); n != 3 {
		t.Errorf("%d validations of three logins", n)
	}
}

// TestFinishesUnderWaySurviveAReload replaces the configuration while Signicat validates the code.
func TestFinishesUnderWaySurviveAReload(t *testing.T) {
	e := newReloadEnv(t)
	app, browser := e.NewApp(), e.NewBrowser(t)
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, err := e.Signicat.Approve(browser.Start(t, "/account"), "adult")
	if err != nil {
		t.Fatal(err)
	}
	for name, finish := range map[string]struct {
		ask  func() logintest.Answer
		want int
	}{
		"app":     {func() logintest.Answer { return app.Redeem(t, code, state) }, http.StatusOK},
		"browser": {func() logintest.Answer { return browser.Navigate(t, back) }, http.StatusSeeOther},
	} {
		before := e.Signicat.Count("validate_code")
		seen := e.delay(t, "validate_code")
		answer := inBackground(finish.ask)
		seen()
		e.reload(t)
		if got := <-answer; got.Status != finish.want {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if n := e.Signicat.Count("validate_code") - before; n != 1 {
			t.Errorf("%s: %d validations", name, n)
		}
	}
}

// TestReloadAnswersWhoWaits replaces the configuration during a long poll. The long poll ends, so that it does
// not keep the old configuration alive.
func TestReloadAnswersWhoWaits(t *testing.T) {
	e := newReloadEnv(t)
	app := e.NewApp()
	app.Start(t)
	seen := e.delay(t, "read_session")
	began := time.Now()
	answer := inBackground(func() logintest.Answer { return app.Get(t, "/sessions/"+app.SessionID+"?wait=25s") })
	seen()
	e.reload(t)
	if got := <-answer; got.Text("status") != "pending" || time.Since(began) > 15*time.Second {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
	code, state := app.Approve(t, "adult")
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("the login: %d %s", got.Status, got.Body)
	}
}

// TestRequestOfTheOldConfigurationIsServed sends the head of a finish before a reload and its body after it.
// The old configuration answers.
func TestRequestOfTheOldConfigurationIsServed(t *testing.T) {
	e := newReloadEnv(t)
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}.Encode()
	addr := e.sites[0].addr
	conn := rawhttptest.Dial(t, addr)
	conn.Send("POST " + logintest.Path + "/token HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(form)))
	// The server asks for the body when a handler reads it. So the old gateway has the request.
	if got := conn.Receive(len(continueLine)); got != continueLine {
		t.Fatalf("the server answers %q", got)
	}
	e.reload(t)
	conn.Send(form)
	if got := conn.Answer(http.MethodPost); got.Status != http.StatusOK || !strings.Contains(got.Body, "access_token") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	e.wantNoPanic(t)
}

const continueLine = "HTTP/1.1 100 Continue\r\n\r\n"
