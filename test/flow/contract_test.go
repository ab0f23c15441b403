package flow_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestUnknownStatusIsReadOn has Signicat send a status of a later version, to a client that waits and to a
// login whose code was accepted. Both logins go on, and the log has one line for each status.
func TestUnknownStatusIsReadOn(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		for range 2 {
			a := e.approvedApp(t)
			check(t, e.Signicat.OverrideSession(a.link, signicattest.Override{Session: map[string]any{"status": "SCANNED"}}))
			if answer := a.status(""); answer.text("status") != "pending" {
				t.Errorf("the status is %s", answer.Body)
			}
			check(t, e.Signicat.OverrideSession(a.link, signicattest.Override{Session: map[string]any{"status": "SIGNED"}}))
			time.AfterFunc(5*time.Second, func() { _ = e.Signicat.OverrideSession(a.link, signicattest.Override{}) })
			if answer := a.redeem(); answer.Code != http.StatusOK {
				t.Errorf("redeeming: %d %s", answer.Code, answer.Body)
			}
			synctest.Wait()
		}
		got := make(map[any]int)
		for _, line := range e.log.lines(t, "Signicat sent a session status that this version does not know; the gateway goes on reading the session") {
			got[line["session_status"]]++
			if line["level"] != "WARN" || line["gateway"] != "partners" {
				t.Errorf("the line is %v", line)
			}
		}
		if len(got) != 2 || got["SCANNED"] != 1 || got["SIGNED"] != 1 {
			t.Errorf("the log has these lines by status: %v", got)
		}
	})
}

// TestParameterReachesSignicat: the simulator refuses every parameter that Signicat's pages do not have.
func TestParameterReachesSignicat(t *testing.T) {
	for value, want := range map[string]int{"code": http.StatusCreated, "token": http.StatusServiceUnavailable} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
					c.Signicat.Parameters = map[string]string{"itsme_response_type": value}
				})
				if answer := e.newApp().start(); answer.Code != want {
					t.Errorf("%d %s, want %d", answer.Code, answer.Body, want)
				}
			})
		})
	}
}
