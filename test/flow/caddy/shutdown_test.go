package caddy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// stop stops Caddy, as the end of the process does.
func (e *env) stop(t *testing.T) (took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := caddy.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	return time.Since(began)
}

// TestShutdownFinishesWhatIsUnderWay stops Caddy while Signicat validates a code, and while the gateway reads
// a session. The answer reaches the client within the grace period.
func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	for _, operation := range []string{"validate_code", "read_session"} {
		t.Run(operation, func(t *testing.T) {
			e := newReloadEnv(t)
			e.NewApp().Login(t, "adult")
			app := e.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			seen := e.delay(t, operation)
			answer := inBackground(func() logintest.Answer { return app.Redeem(t, code, state) })
			seen()
			if took := e.stop(t); took > gracePeriod {
				t.Errorf("stopping took %s", took)
			}
			if got := <-answer; got.Status != http.StatusOK || got.Text("access_token") == "" {
				t.Errorf("%d %s", got.Status, got.Body)
			}
			e.wantNoPanic(t)
		})
	}
}

// TestShutdownSendsWhoWaitsAway stops Caddy during a long poll. The long poll ends with the known status.
func TestShutdownSendsWhoWaitsAway(t *testing.T) {
	e := newReloadEnv(t)
	app := e.NewApp()
	app.Start(t)
	seen := e.delay(t, "read_session")
	began := time.Now()
	answer := inBackground(func() logintest.Answer { return app.Get(t, "/sessions/"+app.SessionID+"?wait=25s") })
	seen()
	e.stop(t)
	if got := <-answer; time.Since(began) > gracePeriod {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
	e.wantNoPanic(t)
}

// wantNoPanic checks that the log has no panic.
func (e *env) wantNoPanic(t *testing.T) {
	t.Helper()
	if strings.Contains(e.server.Log(), "panic") {
		t.Error("something panicked")
	}
}
