package flow_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// failSignicat makes every call to the simulator fail from now on.
func (e *env) failSignicat(t *testing.T) {
	t.Helper()
	for _, operation := range []string{"access_token", "create_session", "validate_code", "read_session", "cancel_session"} {
		e.script(t, signicattest.Fault{Operation: operation, Status: 503})
	}
}

// openBreaker lets starts fail until the breaker opens.
func (e *env) openBreaker(t *testing.T) {
	t.Helper()
	e.script(t, signicattest.Fault{Operation: "create_session", Status: 500})
	for range 50 {
		e.newApp().start()
		if e.Gateway.Breaker() == gateway.BreakerOpen {
			return
		}
	}
	t.Fatalf("after 50 failures the breaker is %s", e.Gateway.Breaker())
}

func (e *env) wantBreaker(t *testing.T, want string) {
	t.Helper()
	if got := e.Gateway.Breaker(); got != want {
		t.Errorf("the breaker is %s, want %s", got, want)
	}
}

// wantRefused wants a start to be refused at once, with Retry-After and without a call to Signicat.
func (e *env) wantRefused(t *testing.T, longest time.Duration) {
	t.Helper()
	before, began := len(e.Signicat.Calls()), time.Now()
	got := e.newApp().start()
	wait, err := strconv.Atoi(got.Header().Get("Retry-After"))
	if got.Code != http.StatusServiceUnavailable || got.problem() != "signicat_unavailable" || err != nil {
		t.Errorf("a start: %s", got.outcome())
	}
	if wait < 1 || time.Duration(wait)*time.Second > longest {
		t.Errorf("Retry-After is %d, want 1 to %.0f", wait, longest.Seconds())
	}
	if calls, took := len(e.Signicat.Calls())-before, time.Since(began); calls != 0 || took != 0 {
		t.Errorf("a start caused %d calls and took %s", calls, took)
	}
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.wantBreaker(t, gateway.BreakerClosed)
		e.openBreaker(t)
		e.wantRefused(t, 5*time.Second)
		pass(4 * time.Second)
		e.wantRefused(t, time.Second)
		pass(time.Second)
		e.wantBreaker(t, gateway.BreakerHalfOpen)
		if got := e.newApp().start(); got.outcome() != "503 signicat_unavailable, Retry-After 5" {
			t.Errorf("the probe: %s", got.outcome())
		}
		e.wantBreaker(t, gateway.BreakerOpen)
		e.Signicat.ClearScript()
		e.wantRefused(t, 5*time.Second)
		pass(5 * time.Second)
		e.login(t)
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerStaysClosedWhileMostSucceeds lets two of three calls fail with 400 and 403. The breaker counts
// neither as an outage.
func TestBreakerStaysClosedWhileMostSucceeds(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		for range 20 {
			e.script(t, signicattest.Fault{Operation: "create_session", Call: 1, Status: 400}, signicattest.Fault{Operation: "create_session", Call: 2, Status: 403})
			e.newApp().start()
			e.newApp().start()
			e.login(t)
		}
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerForgetsOldFailures has one start a minute fail. So few failures open no breaker.
func TestBreakerForgetsOldFailures(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.failSignicat(t)
		for range 10 {
			e.newApp().start()
			pass(time.Minute)
		}
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerOpensForAWrongConfiguration has the access token refused, as for a wrong secret or a wrong
// api_url. More calls cannot succeed either, so the breaker opens.
func TestBreakerOpensForAWrongConfiguration(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			inEnv(t, func(t *testing.T, e *env) {
				e.script(t, signicattest.Fault{Operation: "access_token", Status: status})
				for range 5 {
					e.newApp().start()
				}
				e.wantRefused(t, 5*time.Second)
			})
		})
	}
}

func TestOneOfManyStartsProbes(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.openBreaker(t)
		e.Signicat.ClearScript()
		e.script(t, signicattest.Fault{Operation: "create_session", Delay: time.Second})
		pass(5 * time.Second)
		before := e.Signicat.Count("create_session")
		codes := make(chan int, 50)
		var all sync.WaitGroup
		for range cap(codes) {
			all.Go(func() { codes <- e.newApp().start().Code })
		}
		all.Wait()
		close(codes)
		answers := map[int]int{}
		for code := range codes {
			answers[code]++
		}
		if calls := e.Signicat.Count("create_session") - before; calls != 1 || answers[http.StatusCreated] != 1 || answers[http.StatusServiceUnavailable] != cap(codes)-1 {
			t.Errorf("%d calls, answers %v", calls, answers)
		}
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestFinishesGoThroughTheOpenBreaker finishes logins while the breaker is open. A finish that succeeds closes
// it.
func TestFinishesGoThroughTheOpenBreaker(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.login(t)
		first, second := e.approvedApp(t), e.approvedApp(t)
		e.openBreaker(t)
		e.failSignicat(t)
		before := e.Signicat.Count("validate_code")
		if got := first.redeem(); got.Code != http.StatusServiceUnavailable || e.Signicat.Count("validate_code") == before {
			t.Errorf("a finish while Signicat is unavailable: %s", got.outcome())
		}
		e.openBreaker(t)
		e.Signicat.ClearScript()
		if got := second.redeem(); got.outcome() != "the token" {
			t.Errorf("a finish while the breaker is open: %s", got.outcome())
		}
		e.wantBreaker(t, gateway.BreakerClosed)
		if got := first.redeem(); got.outcome() != "the token" {
			t.Errorf("asking again: %s", got.outcome())
		}
	})
}

// TestOpenBreakerSparesSignicat reads a status and cancels a login while the breaker is open. Neither calls
// Signicat: the status comes from the store, and the session expires at Signicat.
func TestOpenBreakerSparesSignicat(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		waiting, leaving := e.approvedApp(t), e.approvedApp(t)
		e.openBreaker(t)
		reads, began := e.Signicat.Count("read_session"), time.Now()
		if got := waiting.status(""); got.outcome() != "200 pending" {
			t.Errorf("a status: %s", got.outcome())
		}
		if got := leaving.cancel(); got.Code != http.StatusNoContent {
			t.Errorf("a cancel: %s", got.outcome())
		}
		synctest.Wait()
		if n := e.Signicat.Count("read_session") - reads; n != 0 || time.Since(began) != 0 {
			t.Errorf("a status caused %d reads and took %s", n, time.Since(began))
		}
		if n := e.Signicat.Count("cancel_session"); n != 0 {
			t.Errorf("%d cancels were sent", n)
		}
		pass(5 * time.Second)
		if got := waiting.status(""); got.outcome() != "200 pending" || e.Signicat.Count("read_session") != reads+1 {
			t.Errorf("a status does not probe: %s", got.outcome())
		}
		e.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestRetryAfterPausesStarts has Signicat answer a start with Retry-After. The gateway starts nothing before
// that time, and waits a minute at most.
func TestRetryAfterPausesStarts(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.login(t)
		a := e.approvedApp(t)
		e.script(t, signicattest.Fault{Operation: "create_session", Call: 1, Status: 429, RetryAfter: "3600"})
		if got := e.newApp().start(); got.outcome() != "503 signicat_unavailable, Retry-After 3600" {
			t.Errorf("the start itself: %s", got.outcome())
		}
		e.wantRefused(t, time.Minute)
		e.wantBreaker(t, gateway.BreakerOpen)
		if got := a.redeem(); got.outcome() != "the token" {
			t.Errorf("a finish meanwhile: %s", got.outcome())
		}
		pass(59 * time.Second)
		e.wantRefused(t, time.Second)
		pass(time.Second)
		e.wantBreaker(t, gateway.BreakerClosed)
		e.login(t)
	})
}

// TestClientsCannotOpenTheBreaker has an attacker start logins and hang up, and present codes that Signicat
// answers with 500. An open breaker would stop the logins of all users.
func TestClientsCannotOpenTheBreaker(t *testing.T) {
	t.Run("hanging up", func(t *testing.T) {
		inEnv(t, func(t *testing.T, e *env) {
			e.script(t, signicattest.Fault{Operation: "create_session", Delay: time.Second})
			for range 30 {
				ctx, hangUp := context.WithCancel(t.Context())
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, publicURL+logintest.Path+"/login", strings.NewReader("return_to=/"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", publicURL)
				go e.send(r)
				synctest.Wait()
				hangUp()
				synctest.Wait()
			}
			pass(2 * time.Second)
			e.wantBreaker(t, gateway.BreakerClosed)
		})
	})
	t.Run("codes that Signicat answers with 500", func(t *testing.T) {
		inEnv(t, func(t *testing.T, e *env) {
			e.login(t)
			e.script(t, signicattest.Fault{Operation: "validate_code", Status: 500})
			a := e.approvedApp(t)
			a.code = "' OR 1=1"
			var attacker sync.WaitGroup
			attacker.Go(func() {
				for range 20 {
					a.redeem()
				}
			})
			for range 60 {
				e.wantBreaker(t, gateway.BreakerClosed)
				pass(time.Second)
			}
			attacker.Wait()
		})
	})
}

// TestFailuresInABrowser has Signicat fail for a browser. At the callback the page reloads itself, because the
// same code can still succeed. After a failed start it does not, because the user must start another login.
func TestFailuresInABrowser(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.login(t)
		back, cookies := e.approvedBrowser(t)
		comeBack := func() reply { return e.send(withCookies(httptest.NewRequest(http.MethodGet, back, nil), cookies)) }
		e.failSignicat(t)
		returned := comeBack()
		if returned.Code != http.StatusServiceUnavailable || returned.Header().Get("Retry-After") != "5" || !strings.Contains(returned.Body.String(), `data-refresh="5"`) {
			t.Errorf("coming back: %s %v", returned.outcome(), returned.Header())
		}
		if set := returned.Result().Cookies(); len(set) != 0 {
			t.Errorf("coming back changes the cookies: %v", set)
		}
		r := httptest.NewRequest(http.MethodPost, publicURL+logintest.Path+"/login", strings.NewReader("return_to=/account"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", publicURL)
		r.Header.Set("Accept", "text/html")
		got := e.send(r)
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "5" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			t.Errorf("starting: %s %v", got.outcome(), got.Header())
		}
		if strings.Contains(got.Body.String(), "500") || strings.Contains(got.Body.String(), "data-refresh") || len(got.Result().Cookies()) != 0 {
			t.Errorf("the page says too much: %s", got.Body)
		}
		e.Signicat.ClearScript()
		if got := comeBack(); got.Code != http.StatusSeeOther {
			t.Errorf("coming back once more: %s", got.outcome())
		}
	})
}
