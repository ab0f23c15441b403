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
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func init() { caddy.RegisterModule(recorder{}) }

// recorder is an event handler that passes events to the one test that runs Caddy.
type recorder struct{}

var (
	// received has room for the events that arrive while a test does something else.
	received = make(chan caddy.Event, 100)
	// busyHandler is a semaphore: a test that holds it keeps handlers busy.
	busyHandler = make(chan struct{}, 1)
)

func (recorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.itsme_recorder", New: func() caddy.Module { return new(recorder) }}
}

func (recorder) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (recorder) Handle(_ context.Context, e caddy.Event) error {
	busyHandler <- struct{}{}
	defer func() { <-busyHandler }()
	received <- e
	return nil
}

// nextEvents returns the next events, by name and data. It leaves out members that no test can know.
func nextEvents(t *testing.T, n int) (all []map[string]any) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for range n {
		select {
		case e := <-received:
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

// wantNoEvent checks that no event is left.
func wantNoEvent(t *testing.T) {
	t.Helper()
	select {
	case e := <-received:
		t.Errorf("one more event: %s %v", e.Name(), e.Data)
	default:
	}
}

// newEventEnv is an environment whose events the test receives.
func newEventEnv(t *testing.T) *env {
	t.Helper()
	var events strings.Builder
	for _, name := range []string{
		caddymodule.EventLoginStarted, caddymodule.EventLoginSucceeded, caddymodule.EventLoginFailed,
		caddymodule.EventTokenRevoked, caddymodule.EventKeysRotated,
	} {
		events.WriteString("\t\ton " + name + " itsme_recorder\n")
	}
	e := newEnv(t, options{global: "\tadmin {{admin}}\n\tevents {\n" + events.String() + "\t}\n", attributes: []string{"name", "nin"}})
	t.Cleanup(func() { wantNoEvent(t) })
	return e
}

// wantEvents compares the next events. Each is of gateway g0.
func wantEvents(t *testing.T, want ...map[string]any) {
	t.Helper()
	for _, e := range want {
		e["gateway"] = "g0"
	}
	if diff := cmp.Diff(want, nextEvents(t, len(want))); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
}

// TestEventsTellALogin plays logins that succeed and fail, before and after a reload. It compares whole
// events: they hold the pseudonym of the user, no other attribute, no token and no code.
func TestEventsTellALogin(t *testing.T) {
	e := newEventEnv(t)
	for range 2 {
		app := e.NewApp()
		sub, jti := subjectAndID(t, app.Login(t, "adult"))
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
		e.reload(t)
	}
}

// TestSlowHandlerHoldsUpNoLogin keeps an event handler busy while users log in. The handler gets every event
// later, in order, even when its configuration is replaced meanwhile.
func TestSlowHandlerHoldsUpNoLogin(t *testing.T) {
	e := newEventEnv(t)
	busyHandler <- struct{}{}
	var want []string
	for range 3 {
		app := e.NewApp()
		app.Login(t, "adult")
		want = append(want, "itsme_login_started "+app.SessionID, "itsme_login_succeeded "+app.SessionID)
	}
	wantNoEvent(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.reload(t)
	}()
	for patience := time.Now().Add(8 * time.Second); !strings.Contains(goroutines(), "announcer).close.func1"); runtime.Gosched() {
		if time.Now().After(patience) {
			t.Fatal("the old configuration does not wait for its handler")
		}
	}
	<-busyHandler
	<-done
	var got []string
	for _, data := range nextEvents(t, len(want)) {
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
