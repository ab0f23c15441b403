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

// journal keeps what is logged at INFO and above.
type journal struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.Write(b)
}

// lines are those of one message.
func (j *journal) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.all.String()) {
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

func openLogged(t *testing.T, change ...func(*gateway.Config, *signicattest.Config)) (*bubble, *journal) {
	t.Helper()
	j := new(journal)
	logged := func(c *gateway.Config, _ *signicattest.Config) {
		c.Logger, c.Name, c.Replica = slog.New(slog.NewJSONHandler(j, nil)), "partners", "web-1"
	}
	return openBubble(t, append(change, logged)...), j
}

// reason returns why the latest login ended; it is empty before any has.
func (j *journal) reason(t *testing.T) string {
	t.Helper()
	lines := j.lines(t, "login ended")
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]["reason"].(string)
}

func TestEveryLoginHasOneLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		play func(*testing.T, *bubble)
		want map[string]string
	}{
		"that ends well": {
			func(t *testing.T, b *bubble) { b.login(t) },
			map[string]string{"level": "INFO", "outcome": "issued", "reason": "issued"},
		},
		"that ends well although an answer was lost": {
			func(t *testing.T, b *bubble) {
				b.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, Status: http.StatusServiceUnavailable})
				b.login(t)
			},
			map[string]string{"level": "INFO", "outcome": "issued", "reason": "issued", "operation": "validate_code", "status": "503"},
		},
		"whose code is refused after a lost answer": {
			func(t *testing.T, b *bubble) {
				b.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, After: true, Status: http.StatusServiceUnavailable})
				b.begun(t).redeem()
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "answer_lost", "operation": "validate_code", "status": "400"},
		},
		"whose code is refused after a 401": {
			func(t *testing.T, b *bubble) {
				b.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, After: true, Status: http.StatusUnauthorized})
				b.begun(t).redeem()
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "answer_lost", "operation": "validate_code", "status": "400"},
		},
		"whose code is refused after it could not be sent": {
			func(t *testing.T, b *bubble) {
				p := b.begun(t)
				p.code = "made-up"
				b.Restart(t) // without a Signicat access token
				b.script(t, signicattest.Fault{Operation: signicattest.OperationAccessToken, Status: http.StatusForbidden})
				p.redeem()
				b.Signicat.ClearScript()
				p.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "failed", "reason": "code_refused", "operation": "validate_code", "status": "400"},
		},
		"whose session shows no SUCCESS": {
			func(t *testing.T, b *bubble) {
				b.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusNoContent})
				p := b.begun(t)
				b.insist(p.redeem, p.redeem())
			},
			map[string]string{"level": "WARN", "outcome": "failed", "reason": "no_success"},
		},
		"whose code is refused": {
			func(t *testing.T, b *bubble) {
				p := b.begun(t)
				p.code = "made-up"
				p.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "failed", "reason": "code_refused", "operation": "validate_code", "status": "400"},
		},
		"that expires after Signicat failed in an earlier call": {
			func(t *testing.T, b *bubble) {
				p := b.begun(t)
				b.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Status: http.StatusForbidden})
				p.redeem()
				b.Signicat.ClearScript()
				pass(gateway.DefaultSessionLifetime)
				p.redeem()
			},
			map[string]string{"level": "INFO", "outcome": "expired", "reason": "session_expired", "operation": "validate_code", "status": "403"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, j := openLogged(t)
				row.play(t, b)
				lines := j.lines(t, "login ended")
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
					t.Errorf("the line says not whose it is: %v", last)
				}
				traceID, _ := last["trace_id"].(string)
				code, _ := last["code"].(string)
				if _, failed := row.want["operation"]; failed && (traceID == "" || code == "") {
					t.Errorf("the line lacks what Signicat said: %v", last)
				}
			})
		})
	}
}

// TestLinesSayWhatTheyMeasure: the redirect URL of a start that Signicat rejects, which is most often the reason, and the
// unit of a duration.
func TestLinesSayWhatTheyMeasure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j := openLogged(t)
		b.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Call: 1, Status: http.StatusBadRequest})
		b.newPhone().start()
		rejected := j.lines(t, "a login could not start")
		if len(rejected) != 1 || rejected[0]["redirect_url"] != bubbleURL+logintest.Path+"/app/callback" {
			t.Errorf("the start that Signicat rejects: %v", rejected)
		}
		p := b.begun(t)
		pass(1500 * time.Millisecond)
		p.redeem()
		ended := j.lines(t, "login ended")
		if len(ended) != 1 || ended[0]["duration_seconds"] != 1.5 || ended[0]["duration"] != nil {
			t.Errorf("the login that took 1.5 s: %v", ended)
		}
	})
}

// TestNobodyFillsTheLog: an attacker sends any number of requests. Of one message the log has loglimit.Burst
// lines at once at most, and of most requests none.
func TestNobodyFillsTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j := openLogged(t)
		b.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Status: http.StatusBadRequest})
		for range 50 {
			b.newPhone().start() // refused by Signicat
		}
		if n := len(j.lines(t, "a login could not start")); n == 0 || n > loglimit.Burst {
			t.Errorf("%d lines of 50 starts that failed, want %d at most, and one at least", n, loglimit.Burst)
		}
		before := len(strings.Split(j.all.String(), "\n"))
		for range 100 {
			b.newPhone().start() // soon refused by the limit
			b.get(logintest.Path+"/callback?state=x&code=y", "")
			b.get(logintest.Path+"/callback?error=access_denied", "")
			b.get(logintest.Path+"/app/callback?state=x&code=y", "")
			b.get("/api", "made-up")
			b.get(logintest.Path+"/userinfo", "")
		}
		returned := len(j.lines(t, "redirect URL answered"))
		if returned == 0 || returned > loglimit.Burst {
			t.Errorf("%d lines of 300 requests to redirect URLs, want %d at most, and one at least", returned, loglimit.Burst)
		}
		if n := len(strings.Split(j.all.String(), "\n")) - before - returned; n > 0 {
			t.Errorf("%d lines of other requests of any client", n)
		}
	})
}
