package caddy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// stop stops Caddy, as it does when the process ends.
func (r *reloading) stop(t *testing.T) (took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := caddy.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	return time.Since(began)
}

// TestShutdownFinishesWhatIsUnderWay stops Caddy while Signicat is busy with a code, and while it is asked what
// became of one. The answer reaches the client within the grace period.
func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	for _, operation := range []string{"validate_code", "read_session"} {
		t.Run(operation, func(t *testing.T) {
			r := openReloading(t)
			r.NewApp().Login(t, "adult")
			app := r.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			seen := r.busy(t, operation)
			answer := later(func() logintest.Answer { return app.Redeem(t, code, state) })
			seen()
			if took := r.stop(t); took > gracePeriod {
				t.Errorf("stopping took %s", took)
			}
			if got := <-answer; got.Status != http.StatusOK || got.Text("access_token") == "" {
				t.Errorf("%d %s", got.Status, got.Body)
			}
			r.wantNoPanic(t)
		})
	}
}

// TestShutdownSendsWhoWaitsAway: a long poll ends, and says what is known.
func TestShutdownSendsWhoWaitsAway(t *testing.T) {
	r := openReloading(t)
	app := r.NewApp()
	app.Start(t)
	seen := r.busy(t, "read_session")
	began := time.Now()
	answer := later(func() logintest.Answer { return app.Get(t, "/sessions/"+app.SessionID+"?wait=25s") })
	seen()
	r.stop(t)
	if got := <-answer; time.Since(began) > gracePeriod {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
	r.wantNoPanic(t)
}

// wantNoPanic looks into the log.
func (r *reloading) wantNoPanic(t *testing.T) {
	t.Helper()
	if strings.Contains(r.server.Log(), "panic") {
		t.Error("something panicked")
	}
}
