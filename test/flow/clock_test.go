package flow_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestClockOffSignicatsIsLogged moves the gateway's clock beyond the documented minute, ahead and behind, and
// back. Each change logs one line. The offset is known from the first answer on.
func TestClockOffSignicatsIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := new(clock)
		e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) { c.Now = clock.now })
		if _, known := e.Gateway.ClockAhead(); known {
			t.Error("an offset is known before the first answer")
		}
		for _, step := range []struct {
			move      time.Duration
			off, back int // lines so far
		}{
			{0, 0, 0},
			{58 * time.Second, 0, 0},
			{4 * time.Second, 1, 0},
			{time.Second, 1, 0},
			{-63 * time.Second, 1, 1},
			{-62 * time.Second, 2, 1},
			{62 * time.Second, 2, 2},
		} {
			clock.advance(step.move)
			want := time.Until(clock.now())
			if answer := e.newApp().start(); answer.Code != http.StatusCreated {
				t.Fatalf("starting: %d %s", answer.Code, answer.Body)
			}
			ahead, known := e.Gateway.ClockAhead()
			if d := (ahead - want).Abs(); !known || d > time.Second {
				t.Errorf("%v ahead: measured %v, known %v", want, ahead, known)
			}
			off, back := e.log.lines(t, "this machine's clock differs from Signicat's"), e.log.lines(t, "this machine's clock agrees with Signicat's again")
			if len(off) != step.off || len(back) != step.back {
				t.Errorf("%v ahead: %d lines that it differs, %d that it agrees, want %d and %d", want, len(off), len(back), step.off, step.back)
			}
			if n := len(off); n > 0 && (off[n-1]["level"] != "WARN" || off[n-1]["limit_seconds"] != 60.0) {
				t.Errorf("the line: %v", off[n-1])
			}
		}
	})
}
