package main

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// redeemed requests the token until the gateway issues it, as an app does.
func redeemed(t *testing.T, app *logintest.App, code, state string) logintest.Answer {
	t.Helper()
	answer, final := redeemedWithin(t, time.Minute, app, code, state)
	if !final {
		t.Fatalf("still %d %s", answer.Status, answer.Body)
	}
	return answer
}

// redeemedWithin requests the token until patience ends. Final reports that a repetition would get the same
// answer.
func redeemedWithin(t *testing.T, patience time.Duration, app *logintest.App, code, state string) (answer logintest.Answer, final bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		answer = app.Redeem(t, code, state)
		if answer.Text("error") != "authorization_pending" && answer.Status < 500 {
			return answer, true
		}
		select {
		case <-deadline:
			return answer, false
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func TestLoginStartsOnOneReplicaAndEndsOnTheOther(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for from := range 2 {
		app, b := e.NewApp(), e.NewBrowser(t)
		e.use(from)
		app.Start(t)
		link := b.Start(t, "/account")
		e.use(1 - from)
		code, state := app.Approve(t, "adult")
		token := app.Redeem(t, code, state)
		if token.Status != http.StatusOK {
			t.Fatalf("redeeming: %d %s", token.Status, token.Body)
		}
		back, err := e.Signicat.Approve(link, "adult")
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Navigate(t, back); got.Status != http.StatusSeeOther {
			t.Fatalf("the callback: %d %s", got.Status, got.Body)
		}
		e.use(from)
		if got := app.Call(t, "/api", token.Text("access_token")); got.Status != http.StatusOK {
			t.Errorf("calling: %d %s", got.Status, got.Body)
		}
		if got := b.Navigate(t, "/account"); got.Status != http.StatusOK {
			t.Errorf("the page: %d", got.Status)
		}
	}
}

func TestLoginSurvivesTheReplicaThatStartedIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	e.use(0)
	app.Start(t)
	e.kill(0)
	e.use(1)
	code, state := app.Approve(t, "adult")
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("redeeming: %d %s", got.Status, got.Body)
	}
}

// TestReplicaThatDiesWithACodeIsALostAnswer kills a replica while it validates a code. The other replica sends the code
// again when the lease has expired. If Signicat accepted the code the first time, the login ends, and a new login works.
func TestReplicaThatDiesWithACodeIsALostAnswer(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		accepted bool
		status   int
	}{
		"Signicat did not accept it": {false, http.StatusOK},
		"Signicat accepted it":       {true, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			app := e.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			if err := e.Signicat.Script(signicattest.Fault{Operation: "validate_code", Call: 1, After: row.accepted, Delay: time.Hour}); err != nil {
				t.Fatal(err)
			}
			e.use(0)
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				// The balancer answers 502 when the replica has ended. A gateway never does.
				form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}
				if answer, err := http.PostForm(e.URL+logintest.Path+"/token", form); err == nil {
					_ = answer.Body.Close()
				}
			}()
			arrived := func() bool { return e.Signicat.Count("validate_code") == 1 }
			for deadline := time.Now().Add(20 * time.Second); !arrived() && time.Now().Before(deadline); {
				<-time.After(5 * time.Millisecond)
			}
			e.kill(0)
			<-answered
			e.use(1)
			got := redeemed(t, app, code, state)
			if got.Status != row.status || row.accepted && got.Text("error") != "invalid_grant" {
				t.Errorf("redeeming: %d %s", got.Status, got.Body)
			}
			if n := e.Signicat.Count("validate_code"); n != 2 {
				t.Errorf("the code was sent %d times, want 2", n)
			}
			e.NewApp().Login(t, "adult")
		})
	}
}

func TestOfAHundredFinishesOverBothReplicasOneWins(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	before := e.Signicat.Count("validate_code")
	tokens := make(chan string, 100)
	var all sync.WaitGroup
	for range cap(tokens) {
		all.Go(func() { tokens <- redeemed(t, app, code, state).Text("access_token") })
	}
	all.Wait()
	close(tokens)
	different := map[string]bool{}
	for token := range tokens {
		different[token] = true
	}
	if len(different) != 1 || different[""] {
		t.Errorf("%d different tokens", len(different))
	}
	if n := e.Signicat.Count("validate_code") - before; n != 1 {
		t.Errorf("%d validations", n)
	}
}

func TestOfAHundredRefreshesOverBothReplicasAllGetTheSameSuccessor(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	refresh := app.Redeem(t, code, state).Text("refresh_token")
	successors := make(chan string, 100)
	var all sync.WaitGroup
	for range cap(successors) {
		all.Go(func() { successors <- app.Refresh(t, refresh).Text("refresh_token") })
	}
	all.Wait()
	close(successors)
	different := map[string]bool{}
	for token := range successors {
		different[token] = true
	}
	if len(different) != 1 || different[""] || different[refresh] {
		t.Errorf("%d different successors", len(different))
	}
}

// While Redis is unavailable, requests that need a login get 503 and no login can start. Pending sessions go on
// when Redis is back.
func TestRedisCutOffRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	app := e.NewApp()
	token := app.Login(t, "adult")
	waiting := e.NewApp()
	waiting.Start(t)
	code, state := waiting.Approve(t, "adult")
	for name, away := range map[string]struct{ cut, mend func() }{
		"cut off": {e.line.Cut, e.line.Mend},
		"restarted": {
			e.stopRedis,
			func() { e.startRedis(t) },
		},
	} {
		seen := e.Upstream.Count()
		away.cut()
		refusedWithin(t, app, token)
		if n := e.Upstream.Count(); n > seen+20 {
			t.Errorf("%s: %d requests were let in", name, n-seen)
		}
		if got := waiting.Redeem(t, code, state); got.Status != http.StatusServiceUnavailable || got.Text("error") != "temporarily_unavailable" {
			t.Errorf("%s: redeeming: %d %s", name, got.Status, got.Body)
		}
		if got := e.NewApp().PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()}); got.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: starting: %d %s", name, got.Status, got.Body)
		}
		away.mend()
		for _, r := range e.replicas {
			awaitReady(t, r.backend.Load().String()+logintest.Path+"/health/ready", nil)
		}
		if got := app.Call(t, "/api", token); got.Status != http.StatusOK {
			t.Errorf("%s: afterwards: %d %s", name, got.Status, got.Body)
		}
	}
	if got := redeemed(t, waiting, code, state); got.Status != http.StatusOK {
		t.Errorf("the login that was under way: %d %s", got.Status, got.Body)
	}
}

// refusedWithin waits until both replicas refuse. That takes at most the time between two reads of the
// revocations.
func refusedWithin(t *testing.T, app *logintest.App, token string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for refused := 0; refused < 4; {
		got := app.Call(t, "/api", token)
		if got.Status == http.StatusServiceUnavailable && got.Text("code") == "store_unavailable" {
			refused++
			continue
		}
		refused = 0
		select {
		case <-deadline:
			t.Fatalf("still %d %s", got.Status, got.Body)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
