package flow_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// connectionFault is a row of the table of connections: what a start gets whose call meets the fault, and what
// the operator sees.
type connectionFault struct {
	name   string
	cut    string // the simulator's fault; empty: its certificate is not trusted
	start  string
	calls  string // outcomes of the start's calls, in the metrics
	logged string // in `error` of the start's line; empty: no line
	next   string // what the next start gets
}

var connectionFaults = []connectionFault{
	{
		name: "silent connection", cut: signicattest.CutSilence,
		start: "503 signicat_unavailable, Retry-After 5", calls: "unavailable",
		logged: "connection silent: no answer to a PING", next: "the token",
	},
	{
		name: "connection cut after the call was carried out", cut: signicattest.CutConnection,
		start: "the token", calls: "unavailable, ok", next: "the token",
	},
	{
		name: "RST_STREAM", cut: signicattest.CutBeforeHeaders,
		start: "the token", calls: "unavailable, ok", next: "the token",
	},
	{
		name: "GOAWAY in mid call", cut: signicattest.CutGoAway,
		start: "the token", calls: "ok", next: "the token",
	},
	{
		name:  "certificate not trusted",
		start: "503 signicat_unavailable, Retry-After 5", calls: "unavailable, unavailable",
		logged: "certificate signed by unknown authority", next: "503 signicat_unavailable, Retry-After 5",
	},
}

func (f connectionFault) String() string {
	logged := "no line"
	if f.logged != "" {
		logged = "`" + f.logged + "`"
	}
	return "| " + strings.Join([]string{f.name, f.start, f.calls, logged, f.next}, " | ") + " |"
}

// TestConnectionFaults breaks the HTTP/2 connection to Signicat during the call of a start.
func TestConnectionFaults(t *testing.T) {
	t.Parallel()
	for _, row := range connectionFaults {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.cut == "" {
				row.play(t) // a failed handshake would leave both ends of a pipe waiting; this needs sockets
				return
			}
			synctest.Test(t, row.play)
		})
	}
}

func (f connectionFault) play(t *testing.T) {
	var outcomes []string
	log := new(logCapture)
	e := newEnv(t, func(c *gateway.Config, _ *signicattest.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(log, nil))
		c.Observe.Call = func(c signicat.Call) { outcomes = append(outcomes, c.Outcome) }
	})
	if f.cut == "" {
		sim, err := signicattest.Start(signicattest.Config{TLS: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sim.Close)
		e.Config.Signicat.APIURL, e.Config.Signicat.DialContext = sim.URL, nil
		e.Restart(t)
	} else {
		e.login(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Call: 1, Cut: f.cut, After: true})
	}
	outcomes = nil
	a := e.newApp()
	answer := a.start()
	if got := strings.Join(outcomes, ", "); got != f.calls {
		t.Errorf("the calls ended as %s, want %s", got, f.calls)
	}
	if answer.Code == http.StatusCreated {
		a.approve(t)
		answer = a.redeem()
	}
	if answer.outcome() != f.start {
		t.Errorf("the start: %s, want %s", answer.outcome(), f.start)
	}
	var logged []string
	for _, line := range log.lines(t, "a login could not start") {
		logged = append(logged, fmt.Sprint(line["error"]))
	}
	if got := strings.Join(logged, "\n"); !strings.Contains(got, f.logged) || (got == "") != (f.logged == "") {
		t.Errorf("logged %q, want %q in it", got, f.logged)
	}
	if got := e.newApp().startToEnd(t)(); got.outcome() != f.next {
		t.Errorf("the next start: %s, want %s", got.outcome(), f.next)
	}
}

// TestConnectionFaultTable compares the rows with docs/signicat-failures.md. Its last column says what to do.
func TestConnectionFaultTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/signicat-failures.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range connectionFaults {
		if !strings.Contains(string(text), "\n"+row.String()+" ") {
			t.Errorf("the table lacks a row that begins with\n%s", row)
		}
	}
}

// TestCodeIsSentTwiceAtMost breaks the connection each time the code is sent. net/http repeats no sending, and
// one request of the app sends the code twice at most.
func TestCodeIsSentTwiceAtMost(t *testing.T) {
	t.Parallel()
	for _, cut := range []string{signicattest.CutSilence, signicattest.CutConnection, signicattest.CutBeforeHeaders, signicattest.CutMidBody} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/carried out: %t", cut, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					e.login(t)
					a := e.approvedApp(t)
					e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Cut: cut, After: after})
					before := e.Signicat.Count(signicattest.OperationValidateCode)
					a.redeem()
					if n := e.Signicat.Count(signicattest.OperationValidateCode) - before; n < 1 || n > 2 {
						t.Errorf("the code was sent %d times", n)
					}
				})
			})
		}
	}
}

// TestLostCodeOnABrokenConnectionIsSentAgain breaks the connection before Signicat carries the call out. The
// app still gets its token.
func TestLostCodeOnABrokenConnectionIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, cut := range []string{signicattest.CutSilence, signicattest.CutConnection, signicattest.CutBeforeHeaders} {
		t.Run(cut, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.login(t)
				a := e.approvedApp(t)
				e.script(t, signicattest.Fault{Operation: signicattest.OperationValidateCode, Call: 1, Cut: cut})
				got := a.redeem()
				if got.Code != http.StatusOK {
					got = e.retry(a.redeem, got)
				}
				if got.outcome() != "the token" {
					t.Errorf("%s", got.outcome())
				}
			})
		})
	}
}

// TestProbeFindsAnotherConnection has Signicat answer PINGs and no calls on one connection. The breaker opens,
// and its first probe uses another connection.
func TestProbeFindsAnotherConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.login(t)
		e.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Times: 6, Delay: time.Hour})
		starts := make(chan reply, 6)
		for range cap(starts) {
			a := e.newApp()
			go func() { starts <- a.start() }()
		}
		for range cap(starts) {
			if got := <-starts; got.Code != http.StatusServiceUnavailable {
				t.Errorf("a start: %s", got.outcome())
			}
		}
		e.wantBreaker(t, gateway.BreakerOpen)
		pass(5 * time.Second)
		if got := e.newApp().startToEnd(t)(); got.outcome() != "the token" {
			t.Errorf("the probe: %s", got.outcome())
		}
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}
