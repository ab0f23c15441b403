package flow_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// failures are the faults of a call, by their names in the table.
var failures = map[string][]signicattest.Fault{
	"5xx":                {{Status: 500}, {Status: 502}, {Status: 503}, {Status: 504}},
	"cut connection":     {{Cut: signicattest.CutBeforeHeaders}, {Cut: signicattest.CutMidBody}},
	"Retry-After":        {{Status: 500, RetryAfter: "7"}, {Status: 502, RetryAfter: "7"}, {Status: 503, RetryAfter: "7"}, {Status: 504, RetryAfter: "7"}, {Status: 429, RetryAfter: "7"}},
	"429":                {{Status: 429}},
	"401":                {{Status: 401}},
	"403":                {{Status: 403}},
	"404":                {{Status: 404}},
	"no answer":          {{Delay: time.Minute}},
	"redirect, web page": {{Redirect: "https://evil.example/"}, {Body: signicattest.BodyHTML}},
	"odd 200":            {{Body: signicattest.BodyTruncated}, {Body: signicattest.BodyHuge}, {Body: signicattest.BodyArray}},
	"bare 200":           {{Body: signicattest.BodyEmptyObject}, {Body: signicattest.BodyEmpty}},
	"other 2xx":          {{Status: 201}, {Status: 202}, {Status: 203}, {Status: 206}},
}

// moment is when a call is made: which request makes it, and what happened before.
type moment struct {
	operation string
	// within is how long the request takes at most, with every fault.
	within time.Duration
	// prepare does what happens before, and returns the request.
	prepare func(t *testing.T, e *env) func() reply
}

// callTimeout is signicat timeout in this test. The default equals the wait of a finish, and either could end first.
const callTimeout = 4 * time.Second

var moments = map[string]moment{
	"start: access token":  {"access_token", callTimeout, startWithoutToken},
	"start: create":        {"create_session", callTimeout, startWithToken},
	"finish: access token": {"access_token", gateway.FinishWait, finishWithoutToken},
	"finish: validate":     {"validate_code", gateway.FinishWait, finish},
	"finish: read":         {"read_session", gateway.FinishWait, finish},
	"status: read":         {"read_session", time.Second, status},
	"cancel: cancel":       {"cancel_session", 0, cancel},
}

func startWithoutToken(t *testing.T, e *env) func() reply {
	e.Restart(t)
	return e.newApp().startToEnd(t)
}

func startWithToken(t *testing.T, e *env) func() reply { return e.newApp().startToEnd(t) }

func finishWithoutToken(t *testing.T, e *env) func() reply {
	a := e.approvedApp(t)
	pass(accessTokenLifetime + time.Second)
	return a.redeem
}

func finish(t *testing.T, e *env) func() reply { return e.approvedApp(t).redeem }

func status(t *testing.T, e *env) func() reply {
	a := e.approvedApp(t)
	return func() reply { return a.status("") }
}

func cancel(t *testing.T, e *env) func() reply { return e.approvedApp(t).cancel }

// startToEnd returns a request that starts a login and, when the start succeeds, finishes it.
func (a *app) startToEnd(t *testing.T) func() reply {
	return func() reply {
		answer := a.start()
		if answer.Code == http.StatusCreated {
			a.approve(t)
			answer = a.redeem()
		}
		return answer
	}
}

const accessTokenLifetime = time.Minute

// effect is a row of the table: the answers that a client gets. Where they differ there is one row for a call
// that Signicat did not carry out, and one for a call that it carried out and whose answer was lost.
type effect struct {
	moment   string
	carried  string // out: "", "no" or "yes"
	failures []string
	lasting  string // what a client gets while it lasts
	calls    calls  // that Signicat sees of that one request
	once     string // what it gets when only one call fails
	after    string // what it gets when it asks again after the end
}

// calls are the least and the most calls that a request makes.
type calls struct{ least, most int }

func (c calls) String() string {
	if c.least == c.most {
		return fmt.Sprint(c.least)
	}
	return fmt.Sprintf("%d to %d", c.least, c.most)
}

func (c effect) String() string {
	carried := c.carried
	if carried == "" {
		carried = "either"
	}
	cells := []string{c.moment, strings.Join(c.failures, " · "), carried, c.lasting, c.calls.String(), c.once, c.after}
	return "| " + strings.Join(cells, " | ") + " |"
}

// TestFailures plays every fault with every call, lasting and once, and compares the answers with the table.
// Meanwhile every request that needs no call to Signicat succeeds.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, row := range consequences {
		for _, name := range row.failures {
			for i, fault := range failures[name] {
				for _, carried := range []string{"no", "yes"} {
					if row.carried != "" && row.carried != carried {
						continue
					}
					fault := fault
					fault.Operation, fault.After = moments[row.moment].operation, carried == "yes"
					t.Run(fmt.Sprintf("%s/%s %d/carried out: %s", row.moment, name, i, carried), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { row.playLasting(t, fault) })
						synctest.Test(t, func(t *testing.T) { row.playOnce(t, fault) })
					})
				}
			}
		}
	}
}

// prepare starts a gateway, logs in once, and returns the request that meets the fault.
func (c effect) prepare(t *testing.T) (e *env, bearer string, ask func() reply) {
	t.Helper()
	e = newEnv(t, func(g *gateway.Config, s *signicattest.Config) {
		g.Signicat.Timeout, s.AccessTokenLifetime = callTimeout, accessTokenLifetime
	})
	bearer = e.login(t)
	return e, bearer, moments[c.moment].prepare(t, e)
}

func (c effect) playLasting(t *testing.T, fault signicattest.Fault) {
	e, bearer, ask := c.prepare(t)
	e.script(t, fault)
	before, began := e.Signicat.Count(fault.Operation), time.Now()
	got := ask()
	if took := time.Since(began); took > moments[c.moment].within {
		t.Errorf("it took %s", took)
	}
	if got.outcome() != c.lasting {
		t.Errorf("while it lasts: %s, want %s", got.outcome(), c.lasting)
	}
	synctest.Wait() // for a cancel, which no request waits for
	if n := e.Signicat.Count(fault.Operation) - before; n < c.calls.least || n > c.calls.most {
		t.Errorf("%d calls, want %s", n, c.calls)
	}
	e.wantRestGoesOn(t, bearer)
	e.Signicat.ClearScript()
	if got := e.retry(ask, got); got.outcome() != c.after {
		t.Errorf("asking again afterwards: %s, want %s", got.outcome(), c.after)
	} else if bearer := got.text("access_token"); bearer != "" {
		e.wantPerson(t, bearer)
	}
}

func (c effect) playOnce(t *testing.T, fault signicattest.Fault) {
	e, _, ask := c.prepare(t)
	fault.Call = 1
	e.script(t, fault)
	if got := ask(); got.outcome() != c.once {
		t.Errorf("once: %s, want %s", got.outcome(), c.once)
	}
}

// retry asks again while the answer says that the login can still succeed. It waits as long as the answer
// says.
func (e *env) retry(ask func() reply, got reply) reply {
	for range 300 {
		switch {
		case got.Header().Get("Retry-After") != "":
			wait, _ := time.ParseDuration(got.Header().Get("Retry-After") + "s")
			pass(wait)
		default:
			pass(gateway.PollInterval)
		}
		if got = ask(); got.Code != http.StatusServiceUnavailable && got.problem() != "authorization_pending" {
			break
		}
	}
	return got
}

// outcome describes an answer in the words of the table.
func (r reply) outcome() string {
	if r.Code == http.StatusOK && r.text("access_token") != "" {
		return "the token"
	}
	words := fmt.Sprint(r.Code)
	for _, word := range []string{r.problem(), r.text("status")} {
		if word != "" {
			words += " " + word
		}
	}
	if wait := r.Header().Get("Retry-After"); wait != "" {
		words += ", Retry-After " + wait
	}
	return words
}

// wantRestGoesOn checks that requests which need no call to Signicat succeed.
func (e *env) wantRestGoesOn(t *testing.T, bearer string) {
	t.Helper()
	for path, want := range map[string]int{
		"/api":                           http.StatusTeapot, // the upstream
		"/.well-known/jwks.json":         http.StatusOK,
		logintest.Path + "/jwks.json":    http.StatusOK,
		logintest.Path + "/userinfo":     http.StatusOK,
		logintest.Path + "/login":        http.StatusOK,
		logintest.Path + "/health/ready": http.StatusOK,
	} {
		if got := e.get(path, bearer); got.Code != want {
			t.Errorf("%s meanwhile: %d, want %d", path, got.Code, want)
		}
	}
	if got := e.finished.status(""); got.text("status") != "issued" && got.text("status") != "cancelled" {
		t.Errorf("the status of an ended login meanwhile: %d %s", got.Code, got.Body)
	}
}

// wantPerson checks the subject of a token.
func (e *env) wantPerson(t *testing.T, bearer string) {
	t.Helper()
	person := e.Signicat.Personas()[0]
	if got := e.get(logintest.Path+"/userinfo", bearer); got.text("sub") != person.SubjectID {
		t.Errorf("the token is about %s, want %s", got.text("sub"), person.SubjectID)
	}
}

// TestFailureTable compares the rows with docs/signicat-failures.md.
func TestFailureTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/signicat-failures.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, row := range consequences {
		want = append(want, row.String())
	}
	for line := range strings.Lines(string(text)) {
		call, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if _, ok := moments[call]; ok {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table differs (-test +docs); it should be:\n%s", strings.Join(want, "\n"))
	}
}
