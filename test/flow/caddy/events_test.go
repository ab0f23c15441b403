package caddy_test

import (
	"context"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func init() { caddy.RegisterModule(recorder{}) }

// recorder is a handler of events that hands them to the one test that runs Caddy.
type recorder struct{}

var (
	// recorded has room for what handlers are given while a test does something else.
	recorded = make(chan caddy.Event, 100)
	// hold is taken by a test that wants handlers to be slow.
	hold = make(chan struct{}, 1)
)

func (recorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.itsme_recorder", New: func() caddy.Module { return new(recorder) }}
}

func (recorder) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (recorder) Handle(_ context.Context, e caddy.Event) error {
	hold <- struct{}{}
	defer func() { <-hold }()
	recorded <- e
	return nil
}

// heard are the next events, by name and what they hold. Members that no test can know are left out.
func heard(t *testing.T, n int) (all []map[string]any) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for range n {
		select {
		case e := <-recorded:
			data := maps.Clone(e.Data)
			data["name"] = e.Name()
			if d, ok := data["duration_seconds"].(float64); ok && d >= 0 && d < 60 {
				delete(data, "duration_seconds")
			}
			all = append(all, data)
		case <-patience:
			t.Fatalf("%d of %d events came: %v", len(all), n, all)
		}
	}
	return all
}

func quiet(t *testing.T) {
	t.Helper()
	select {
	case e := <-recorded:
		t.Errorf("one more event: %s %v", e.Name(), e.Data)
	default:
	}
}

// eventful is a gateway whose events the test receives.
type eventful struct {
	*logintest.Env
	server *caddytest.Server
	config string
}

func openEventful(t *testing.T) *eventful {
	t.Helper()
	s := newStage(t)
	var events strings.Builder
	for _, name := range []string{
		caddymodule.EventLoginStarted, caddymodule.EventLoginSucceeded, caddymodule.EventLoginFailed,
		caddymodule.EventTokenRevoked, caddymodule.EventKeysRotated,
	} {
		events.WriteString("\t\ton " + name + " itsme_recorder\n")
	}
	e := &eventful{config: "{\n\tadmin {{admin}}\n\tdefault_bind 127.0.0.1\n\tevents {\n" + events.String() + "\t}\n" +
		s.option(0, logintest.Options{Attributes: []string{"name", "nin"}}) + "}\n" + s.site(0, logintest.Require{}) + "http://{{addr}} {\n\trespond LOAD\n}\n"}
	if err := s.reserved.Close(); err != nil {
		t.Fatal(err)
	}
	e.server = caddytest.Run(t, e.config)
	e.Env = s.open(t, signicattest.Config{})
	t.Cleanup(func() { quiet(t) })
	return e
}

func (e *eventful) reload(t *testing.T, word string) {
	t.Helper()
	if err := e.server.Reload(strings.Replace(e.config, "LOAD", word, 1)); err != nil {
		t.Fatal(err)
	}
	untilServed(t, e.server, e.URL+logintest.Path+"/health/live")
}

// wantEvents compares the next events, each of which is of gateway g0.
func wantEvents(t *testing.T, want ...map[string]any) {
	t.Helper()
	for _, e := range want {
		e["gateway"] = "g0"
	}
	if diff := cmp.Diff(want, heard(t, len(want))); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
}

// TestEventsTellALogin plays logins that succeed and fail, before and after a reload. Whole events
// are compared: nothing of the person but the pseudonym is in them, and no token or code.
func TestEventsTellALogin(t *testing.T) {
	e := openEventful(t)
	for _, round := range []string{"first", "second"} {
		app := e.NewApp()
		sub, jti := namesIn(t, app.Login(t, "adult"))
		wantEvents(t,
			map[string]any{"name": "itsme_login_started", "kind": "app", "session_id": app.SessionID},
			map[string]any{"name": "itsme_login_succeeded", "kind": "app", "session_id": app.SessionID, "reason": "issued", "sub": sub})

		app = e.NewApp()
		app.Start(t)
		app.PostJSON(t, "/sessions/"+app.SessionID+"/cancel", map[string]string{"code_verifier": app.Verifier, "error": "access_denied"})
		wantEvents(t,
			map[string]any{"name": "itsme_login_started", "kind": "app", "session_id": app.SessionID},
			map[string]any{"name": "itsme_login_failed", "kind": "app", "session_id": app.SessionID, "outcome": "denied", "reason": "denied_by_person"})

		if err := e.Signicat.Script(signicattest.Fault{Operation: "create_session", Call: 1, Status: http.StatusForbidden}); err != nil {
			t.Fatal(err)
		}
		e.NewApp().PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()}) // no event: nothing started

		answer := postAdmin(t, e.server, "/itsme/revoke", `{"gateway":"g0","jti":"`+jti+`"}`)
		if answer.status != http.StatusOK || answer.body != `{"logins":0}` {
			t.Errorf("revoking: %d %s", answer.status, answer.body)
		}
		wantEvents(t, map[string]any{"name": "itsme_token_revoked", "scope": "token", "id": jti})
		e.reload(t, round)
	}
}

// TestSlowHandlerHoldsUpNoLogin keeps a handler busy while people log in. It gets every event later,
// in order, even when the configuration that it belongs to goes meanwhile.
func TestSlowHandlerHoldsUpNoLogin(t *testing.T) {
	e := openEventful(t)
	hold <- struct{}{}
	var want []string
	for range 3 {
		app := e.NewApp()
		app.Login(t, "adult")
		want = append(want, "itsme_login_started "+app.SessionID, "itsme_login_succeeded "+app.SessionID)
	}
	quiet(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.reload(t, "second")
	}()
	for patience := time.Now().Add(8 * time.Second); !strings.Contains(goroutines(), "announcer).close.func1"); runtime.Gosched() {
		if time.Now().After(patience) {
			t.Fatal("the configuration that goes does not wait for its handler")
		}
	}
	<-hold
	<-done
	var got []string
	for _, data := range heard(t, len(want)) {
		got = append(got, data["name"].(string)+" "+data["session_id"].(string))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
}

// goroutines returns the stacks of all goroutines.
func goroutines() string {
	stacks := make([]byte, 1<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}
