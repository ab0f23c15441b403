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

// failures are what can go wrong with a call, as the table names it.
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

// moment is when a call is made: by which request, after what.
type moment struct {
	operation string
	// within bounds what the request takes, whatever goes wrong.
	within time.Duration
	// prepare leads up to the moment and returns the request that is made then.
	prepare func(t *testing.T, b *bubble) func() reply
}

// callTimeout is signicat timeout in this test. The default is as long as a finish waits, and which of the two ends
// first would be chance.
const callTimeout = 4 * time.Second

var moments = map[string]moment{
	"start: access token":  {"access_token", callTimeout, coldStart},
	"start: create":        {"create_session", callTimeout, warmStart},
	"finish: access token": {"access_token", gateway.FinishWait, finishWithoutToken},
	"finish: validate":     {"validate_code", gateway.FinishWait, finish},
	"finish: read":         {"read_session", gateway.FinishWait, finish},
	"status: read":         {"read_session", time.Second, status},
	"cancel: cancel":       {"cancel_session", 0, cancel},
}

func coldStart(t *testing.T, b *bubble) func() reply {
	b.Restart(t)
	return b.newPhone().startToEnd(t)
}

func warmStart(t *testing.T, b *bubble) func() reply { return b.newPhone().startToEnd(t) }

func finishWithoutToken(t *testing.T, b *bubble) func() reply {
	p := b.begun(t)
	pass(accessTokenLifetime + time.Second)
	return p.redeem
}

func finish(t *testing.T, b *bubble) func() reply { return b.begun(t).redeem }

func status(t *testing.T, b *bubble) func() reply {
	p := b.begun(t)
	return func() reply { return p.status("") }
}

func cancel(t *testing.T, b *bubble) func() reply { return b.begun(t).cancel }

// startToEnd starts a login, and finishes it when it could be started.
func (p *phone) startToEnd(t *testing.T) func() reply {
	return func() reply {
		answer := p.start()
		if answer.Code == http.StatusCreated {
			p.approve(t)
			answer = p.redeem()
		}
		return answer
	}
}

const accessTokenLifetime = time.Minute

// consequence is a row of the table: what a client gets. Where the two differ there is a row for a call that Signicat
// did not carry out, and one for a call that it did and whose answer went wrong.
type consequence struct {
	moment   string
	carried  string // out: "", "no" or "yes"
	failures []string
	lasting  string // what a client gets while it lasts
	calls    calls  // that Signicat sees of that one request
	once     string // what it gets when only one call fails
	after    string // what it gets when it asks again after the end
}

// calls are how many there may be at least and at most.
type calls struct{ least, most int }

func (c calls) String() string {
	if c.least == c.most {
		return fmt.Sprint(c.least)
	}
	return fmt.Sprintf("%d to %d", c.least, c.most)
}

func (c consequence) String() string {
	carried := c.carried
	if carried == "" {
		carried = "either"
	}
	cells := []string{c.moment, strings.Join(c.failures, " · "), carried, c.lasting, c.calls.String(), c.once, c.after}
	return "| " + strings.Join(cells, " | ") + " |"
}

// TestFailures lets everything go wrong with every call, while it lasts and once, and compares what clients get with
// the table. Meanwhile everything that needs no Signicat goes on.
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

// stage is a gateway with one login behind it, just before something goes wrong.
func (c consequence) stage(t *testing.T) (b *bubble, bearer string, ask func() reply) {
	t.Helper()
	b = openBubble(t, func(g *gateway.Config, s *signicattest.Config) {
		g.Signicat.Timeout, s.AccessTokenLifetime = callTimeout, accessTokenLifetime
	})
	bearer = b.login(t)
	return b, bearer, moments[c.moment].prepare(t, b)
}

func (c consequence) playLasting(t *testing.T, fault signicattest.Fault) {
	b, bearer, ask := c.stage(t)
	b.script(t, fault)
	before, began := b.Signicat.Count(fault.Operation), time.Now()
	got := ask()
	if took := time.Since(began); took > moments[c.moment].within {
		t.Errorf("it took %s", took)
	}
	if got.outcome() != c.lasting {
		t.Errorf("while it lasts: %s, want %s", got.outcome(), c.lasting)
	}
	synctest.Wait() // for a cancel, which nobody waits for
	if n := b.Signicat.Count(fault.Operation) - before; n < c.calls.least || n > c.calls.most {
		t.Errorf("%d calls, want %s", n, c.calls)
	}
	b.wantRestGoesOn(t, bearer)
	b.Signicat.ClearScript()
	if got := b.insist(ask, got); got.outcome() != c.after {
		t.Errorf("asking again afterwards: %s, want %s", got.outcome(), c.after)
	} else if bearer := got.text("access_token"); bearer != "" {
		b.wantPerson(t, bearer)
	}
}

func (c consequence) playOnce(t *testing.T, fault signicattest.Fault) {
	b, _, ask := c.stage(t)
	fault.Call = 1
	b.script(t, fault)
	if got := ask(); got.outcome() != c.once {
		t.Errorf("once: %s, want %s", got.outcome(), c.once)
	}
}

// insist asks again, no sooner than it was told to, as long as there is hope.
func (b *bubble) insist(ask func() reply, got reply) reply {
	for range 300 {
		switch {
		case got.Header().Get("Retry-After") != "":
			wait, _ := time.ParseDuration(got.Header().Get("Retry-After") + "s")
			pass(wait)
		default:
			pass(gateway.Interval)
		}
		if got = ask(); got.Code != http.StatusServiceUnavailable && got.problem() != "authorization_pending" {
			break
		}
	}
	return got
}

// outcome is an answer as the table tells it.
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

// wantRestGoesOn checks what needs no Signicat.
func (b *bubble) wantRestGoesOn(t *testing.T, bearer string) {
	t.Helper()
	for path, want := range map[string]int{
		"/api":                           http.StatusTeapot, // the upstream
		"/.well-known/jwks.json":         http.StatusOK,
		logintest.Path + "/jwks.json":    http.StatusOK,
		logintest.Path + "/userinfo":     http.StatusOK,
		logintest.Path + "/login":        http.StatusOK,
		logintest.Path + "/health/ready": http.StatusOK,
	} {
		if got := b.get(path, bearer); got.Code != want {
			t.Errorf("%s meanwhile: %d, want %d", path, got.Code, want)
		}
	}
	if got := b.ended.status(""); got.text("status") != "issued" && got.text("status") != "cancelled" {
		t.Errorf("the status of an ended login meanwhile: %d %s", got.Code, got.Body)
	}
}

// wantPerson checks whom a token is about.
func (b *bubble) wantPerson(t *testing.T, bearer string) {
	t.Helper()
	person := b.Signicat.Personas()[0]
	if got := b.get(logintest.Path+"/userinfo", bearer); got.text("sub") != person.SubjectID {
		t.Errorf("the token is about %s, want %s", got.text("sub"), person.SubjectID)
	}
}

// TestFailureTable compares the rows with docs/operations.md.
func TestFailureTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
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
