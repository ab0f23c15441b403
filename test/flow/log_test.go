package flow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// logCapture keeps what is logged at INFO and above.
type logCapture struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (c *logCapture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.Write(b)
}

// String returns all lines.
func (c *logCapture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.String()
}

// lines returns the lines of one message.
func (c *logCapture) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(c.String()) {
		var read map[string]any
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		if read[slog.MessageKey] == message {
			found = append(found, read)
		}
	}
	return found
}

// reason returns why the latest login ended. It is empty before a login has ended.
func (c *logCapture) reason(t *testing.T) string {
	t.Helper()
	lines := c.lines(t, "login ended")
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]["reason"].(string)
}

// TestEveryLoginHasOneLine plays logins that end in every way. Each logs one line with its outcome and reason.
func TestEveryLoginHasOneLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		play func(*testing.T, *env)
		want map[string]string
	}{
		"that ends well": {
			func(t *testing.T, e *env) { e.login(t) },
			map[string]string{"level": "INFO", "outcome": "issued", "reason": "issued"},
		},
		"that ends well although an answer was lost": {
			func(t *testing.T, e *env) {
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, Status: http.StatusServiceUnavailable})
				e.login(t)
			},
			map[string]string{"level": "INFO", "outcome": "issued", "reason": "issued", "operation": "validate_code", "status": "503"},
		},
		"whose code is refused after a lost answer": {
			func(t *testing.T, e *env) {
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, After: true, Status: http.StatusServiceUnavailable})
				e.approvedApp(t).redeem()
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "answer_lost", "operation": "validate_code", "status": "400"},
		},
		"whose code is refused after a 401": {
			func(t *testing.T, e *env) {
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, After: true, Status: http.StatusUnauthorized})
				e.approvedApp(t).redeem()
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "answer_lost", "operation": "validate_code", "status": "400"},
		},
		"whose code is refused after it could not be sent": {
			func(t *testing.T, e *env) {
				a := e.approvedApp(t)
				a.code = "made-up"
				e.Restart(t) // without a Signicat access token
				e.script(t, signicattest.Fault{Operation: signicattest.OperationAccessToken, Status: http.StatusForbidden})
				a.redeem()
				e.Signicat.ClearScript()
				a.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "failed", "reason": "code_refused", "operation": "validate_code", "status": "400"},
		},
		"whose session shows no SUCCESS": {
			func(t *testing.T, e *env) {
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusNoContent})
				a := e.approvedApp(t)
				e.retry(a.redeem, a.redeem())
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "no_success"},
		},
		"whose code is refused": {
			func(t *testing.T, e *env) {
				a := e.approvedApp(t)
				a.code = "made-up"
				a.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "failed", "reason": "code_refused", "operation": "validate_code", "status": "400"},
		},
		"that expires after Signicat failed in an earlier call": {
			func(t *testing.T, e *env) {
				a := e.approvedApp(t)
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusForbidden})
				a.redeem()
				e.Signicat.ClearScript()
				pass(gateway.DefaultSessionLifetime)
				a.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "expired", "reason": "session_expired", "operation": "validate_code", "status": "403"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				row.play(t, e)
				lines := e.log.lines(t, "login ended")
				if len(lines) == 0 {
					t.Fatal("no line")
				}
				last := lines[len(lines)-1]
				got := map[string]string{}
				for _, key := range []string{"level", "outcome", "reason", "operation", "status"} {
					if value, ok := last[key]; ok {
						got[key] = fmt.Sprint(value)
					}
				}
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("the line differs (-want +got):\n%s", diff)
				}
				if last["gateway"] != "partners" || last["replica"] != "web-1" || last["kind"] != "app" || last["session_id"] == nil {
					t.Errorf("the line lacks the gateway, the replica, the kind or the session: %v", last)
				}
				traceID, _ := last["trace_id"].(string)
				code, _ := last["code"].(string)
				if _, failed := row.want["operation"]; failed && (traceID == "" || code == "") {
					t.Errorf("the line lacks Signicat's trace ID or code: %v", last)
				}
			})
		})
	}
}

// TestLinesSayWhatTheyMeasure reads two lines. A start that Signicat rejects logs its redirect URL, which is
// most often the cause. A duration has its unit in its name.
func TestLinesSayWhatTheyMeasure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Call: 1, Status: http.StatusBadRequest})
		e.newApp().start()
		rejected := e.log.lines(t, "a login could not start")
		if len(rejected) != 1 || rejected[0]["redirect_url"] != publicURL+logintest.Path+"/app/callback" {
			t.Errorf("the start that Signicat rejects: %v", rejected)
		}
		a := e.approvedApp(t)
		pass(1500 * time.Millisecond)
		a.redeem()
		ended := e.log.lines(t, "login ended")
		if len(ended) != 1 || ended[0]["duration_seconds"] != 1.5 || ended[0]["duration"] != nil {
			t.Errorf("the login that took 1.5 s: %v", ended)
		}
	})
}

// TestNobodyFillsTheLog has an attacker send many requests. The log has at most loglimit.Burst lines of one
// message at once, and no line of most requests.
func TestNobodyFillsTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Status: http.StatusBadRequest})
		for range 50 {
			e.newApp().start() // refused by Signicat
		}
		if n := len(e.log.lines(t, "a login could not start")); n == 0 || n > loglimit.Burst {
			t.Errorf("%d lines of 50 starts that failed, want %d at most, and one at least", n, loglimit.Burst)
		}
		before := len(strings.Split(e.log.String(), "\n"))
		for range 100 {
			e.newApp().start() // soon refused by the limit
			e.get(logintest.Path+"/callback?state=x&code=y", "")
			e.get(logintest.Path+"/callback?error=access_denied", "")
			e.get(logintest.Path+"/app/callback?state=x&code=y", "")
			e.get("/api", "made-up")
			e.get(logintest.Path+"/userinfo", "")
		}
		returned := len(e.log.lines(t, "redirect URL answered"))
		if returned == 0 || returned > loglimit.Burst {
			t.Errorf("%d lines of 300 requests to redirect URLs, want %d at most, and one at least", returned, loglimit.Burst)
		}
		if n := len(strings.Split(e.log.String(), "\n")) - before - returned; n > 0 {
			t.Errorf("%d lines of other requests of any client", n)
		}
	})
}
