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

// redeemed asks for the token until there is one, as an app does whose gateway is busy.
func redeemed(t *testing.T, app *logintest.App, code, state string) logintest.Answer {
	t.Helper()
	answer, final := redeemedWithin(t, time.Minute, app, code, state)
	if !final {
		t.Fatalf("still %d %s", answer.Status, answer.Body)
	}
	return answer
}

// redeemedWithin also tells whether the last answer is one that asking again does not change.
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
	f := newFleet(t)
	for from := range 2 {
		app, b := f.NewApp(), f.NewBrowser(t)
		f.use(from)
		app.Start(t)
		link := b.Start(t, "/account")
		f.use(1 - from)
		code, state := app.Approve(t, "adult")
		token := app.Redeem(t, code, state)
		if token.Status != http.StatusOK {
			t.Fatalf("redeeming: %d %s", token.Status, token.Body)
		}
		back, err := f.Signicat.Approve(link, "adult")
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Navigate(t, back); got.Status != http.StatusSeeOther {
			t.Fatalf("the callback: %d %s", got.Status, got.Body)
		}
		f.use(from)
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
	f := newFleet(t)
	app := f.NewApp()
	f.use(0)
	app.Start(t)
	f.kill(0)
	f.use(1)
	code, state := app.Approve(t, "adult")
	if got := app.Redeem(t, code, state); got.Status != http.StatusOK {
		t.Errorf("redeeming: %d %s", got.Status, got.Body)
	}
}

// TestReplicaThatDiesWithACodeIsALostAnswer kills a replica while its code is under way. The other one sends the code
// once more when the lease is over. If Signicat had accepted the first sending, the login ends, and a new one works.
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
			f := newFleet(t)
			app := f.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			if err := f.Signicat.Script(signicattest.Fault{Operation: "validate_code", Call: 1, After: row.accepted, Delay: time.Hour}); err != nil {
				t.Fatal(err)
			}
			f.use(0)
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				// The balancer answers 502 when the replica is gone, which no gateway does.
				form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "state": {state}, "code_verifier": {app.Verifier}}
				if answer, err := http.PostForm(f.URL+logintest.Path+"/token", form); err == nil {
					_ = answer.Body.Close()
				}
			}()
			arrived := func() bool { return f.Signicat.Count("validate_code") == 1 }
			for deadline := time.Now().Add(20 * time.Second); !arrived() && time.Now().Before(deadline); {
				<-time.After(5 * time.Millisecond)
			}
			f.kill(0)
			<-answered
			f.use(1)
			got := redeemed(t, app, code, state)
			if got.Status != row.status || row.accepted && got.Text("error") != "invalid_grant" {
				t.Errorf("redeeming: %d %s", got.Status, got.Body)
			}
			if n := f.Signicat.Count("validate_code"); n != 2 {
				t.Errorf("the code was sent %d times, want 2", n)
			}
			f.NewApp().Login(t, "adult")
		})
	}
}

func TestOfAHundredFinishesOverBothReplicasOneWins(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	app := f.NewApp()
	app.Start(t)
	code, state := app.Approve(t, "adult")
	before := f.Signicat.Count("validate_code")
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
	if n := f.Signicat.Count("validate_code") - before; n != 1 {
		t.Errorf("%d validations", n)
	}
}

func TestOfAHundredRefreshesOverBothReplicasAllGetTheSameSuccessor(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	app := f.NewApp()
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

// While Redis is away nobody is let in and nobody can start; what was begun goes on when it is
// back.
func TestRedisCutOffRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	app := f.NewApp()
	token := app.Login(t, "adult")
	waiting := f.NewApp()
	waiting.Start(t)
	code, state := waiting.Approve(t, "adult")
	for name, away := range map[string]struct{ cut, mend func() }{
		"cut off": {f.line.cutAll, f.line.mend},
		"restarted": {
			f.stopRedis,
			func() { f.startRedis(t) },
		},
	} {
		seen := f.Upstream.Count()
		away.cut()
		refusedWithin(t, app, token)
		if n := f.Upstream.Count(); n > seen+20 {
			t.Errorf("%s: %d requests were let in", name, n-seen)
		}
		if got := waiting.Redeem(t, code, state); got.Status != http.StatusServiceUnavailable || got.Text("error") != "temporarily_unavailable" {
			t.Errorf("%s: redeeming: %d %s", name, got.Status, got.Body)
		}
		if got := f.NewApp().PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()}); got.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: starting: %d %s", name, got.Status, got.Body)
		}
		away.mend()
		for _, r := range f.replicas {
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

// refusedWithin waits until both replicas refuse, which takes no longer than their knowledge of
// revocations may be old.
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
