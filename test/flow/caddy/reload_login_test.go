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

// reloading is a gateway with the memory store whose configuration is replaced while people log in.
type reloading struct {
	*logintest.Env
	server *caddytest.Server
	addr   string
	config string
	loads  int
}

// gracePeriod is Caddy's: how long what is under way may take when a configuration is stopped.
const gracePeriod = 10 * time.Second

func openReloading(t *testing.T) *reloading {
	t.Helper()
	s := newStage(t)
	r := &reloading{
		addr: s.addr,
		config: "{\n\tdefault_bind 127.0.0.1\n\tgrace_period " + gracePeriod.String() + "\n" +
			s.option(0, logintest.Options{Attributes: []string{"name"}}) + "}\n" + s.site(0, logintest.Require{}) + "http://{{addr}} {\n\trespond LOAD\n}\n",
	}
	if err := s.reserved.Close(); err != nil {
		t.Fatal(err)
	}
	r.server = caddytest.Run(t, r.config)
	r.Env = s.open(t, signicattest.Config{})
	return r
}

// reload loads the configuration anew, with a difference, and waits until it answers: Caddy may close a connection
// that comes just then.
func (r *reloading) reload(t *testing.T) {
	t.Helper()
	r.loads++
	if err := r.server.Reload(strings.Replace(r.config, "LOAD", fmt.Sprint("load-", r.loads), 1)); err != nil {
		t.Fatalf("reloading: %v", err)
	}
	untilServed(t, r.server, r.URL+logintest.Path+"/health/live")
}

// untilServed waits until the configuration that was just loaded answers at a URL: three new connections in a row,
// since the server before it takes what it closes only for a moment.
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
	http.DefaultClient.CloseIdleConnections() // they lead to the configuration before
}

// busy has Signicat take a second for the next call of an operation. seen returns when the call is there.
func (r *reloading) busy(t *testing.T, operation string) (seen func()) {
	t.Helper()
	if err := r.Signicat.Script(signicattest.Fault{Operation: operation, Call: 1, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	before := r.Signicat.Count(operation)
	return func() {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for r.Signicat.Count(operation) == before {
			select {
			case <-deadline:
				t.Fatalf("%s was not called", operation)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// later is an answer that is still to come.
func later(ask func() logintest.Answer) <-chan logintest.Answer {
	answer := make(chan logintest.Answer, 1)
	go func() { answer <- ask() }()
	return answer
}

// TestLoginsUnderWaySurviveAReload starts before it and finishes after it, as an app and as a browser. What was
// issued before can still be asked for again.
func TestLoginsUnderWaySurviveAReload(t *testing.T) {
	r := openReloading(t)
	done, app, browser := r.NewApp(), r.NewApp(), r.NewBrowser(t)
	done.Start(t)
	doneCode, doneState := done.Approve(t, "adult")
	first := done.Redeem(t, doneCode, doneState)
	app.Start(t)
	link := browser.Start(t, "/account")
	r.reload(t)
	back, err := r.Signicat.Approve(link, "adult")
	if err != nil {
		t.Fatal(err)
	}
	code, state := app.Approve(t, "adult")
	r.reload(t)
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
	if n := r.Signicat.Count("validate_code"); n != 3 {
		t.Errorf("%d validations of three logins", n)
	}
}

// TestFinishesUnderWaySurviveAReload replaces the configuration while Signicat is busy with the code.
func TestFinishesUnderWaySurviveAReload(t *testing.T) {
	r := openReloading(t)
	app, browser := r.NewApp(), r.NewBrowser(t)
	app.Start(t)
	code, state := app.Approve(t, "adult")
	back, err := r.Signicat.Approve(browser.Start(t, "/account"), "adult")
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
		before := r.Signicat.Count("validate_code")
		seen := r.busy(t, "validate_code")
		answer := later(finish.ask)
		seen()
		r.reload(t)
		if got := <-answer; got.Status != finish.want {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if n := r.Signicat.Count("validate_code") - before; n != 1 {
			t.Errorf("%s: %d validations", name, n)
		}
	}
}

// TestReloadAnswersWhoWaits: a long poll keeps no old configuration alive.
func TestReloadAnswersWhoWaits(t *testing.T) {
	r := openReloading(t)
	app := r.NewApp()
	app.Start(t)
	seen := r.busy(t, "read_session")
	began := time.Now()
	answer := later(func() logintest.Answer { return app.Get(t, "/sessions/"+app.SessionID+"?wait=25s") })
	seen()
	r.reload(t)
	if got := <-answer; got.Text("status") != "pending" || time.Since(began) > 15*time.Second {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
	code, state := app.Approve(t, "adult")
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("the login: %d %s", got.Status, got.Body)
	}
}

// TestRequestOfTheOldConfigurationIsServed sends the last byte of a finish after the configuration that took its
// first one has been stopped.
func TestRequestOfTheOldConfigurationIsServed(t *testing.T) {
	r := openReloading(t)
	app := r.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}.Encode()
	conn := rawhttptest.Dial(t, r.addr)
	conn.Send("POST " + logintest.Path + "/token HTTP/1.1\r\nHost: " + r.addr + "\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(form)))
	// The server asks for the body when a handler reads it: the old gateway has the request.
	if got := conn.Receive(len(goOn)); got != goOn {
		t.Fatalf("the server answers %q", got)
	}
	r.reload(t)
	conn.Send(form)
	if got := conn.Answer(http.MethodPost); got.Status != http.StatusOK || !strings.Contains(got.Body, "access_token") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	r.wantNoPanic(t)
}

const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
