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

// away lets every call fail, from now on.
func (b *bubble) away(t *testing.T) {
	t.Helper()
	for _, operation := range []string{"access_token", "create_session", "validate_code", "read_session", "cancel_session"} {
		b.script(t, signicattest.Fault{Operation: operation, Status: 503})
	}
}

// breakOpen has starts fail until the breaker opens.
func (b *bubble) breakOpen(t *testing.T) {
	t.Helper()
	b.script(t, signicattest.Fault{Operation: "create_session", Status: 500})
	for range 50 {
		b.newPhone().start()
		if b.Gateway.Breaker() == gateway.BreakerOpen {
			return
		}
	}
	t.Fatalf("after 50 failures the breaker is %s", b.Gateway.Breaker())
}

func (b *bubble) wantBreaker(t *testing.T, want string) {
	t.Helper()
	if got := b.Gateway.Breaker(); got != want {
		t.Errorf("the breaker is %s, want %s", got, want)
	}
}

// wantRefused wants a start to be refused at once, without a call, and told when to come back.
func (b *bubble) wantRefused(t *testing.T, longest time.Duration) {
	t.Helper()
	before, began := len(b.Signicat.Calls()), time.Now()
	got := b.newPhone().start()
	wait, err := strconv.Atoi(got.Header().Get("Retry-After"))
	if got.Code != http.StatusServiceUnavailable || got.problem() != "signicat_unavailable" || err != nil {
		t.Errorf("a start: %s", got.outcome())
	}
	if wait < 1 || time.Duration(wait)*time.Second > longest {
		t.Errorf("Retry-After is %d, want 1 to %.0f", wait, longest.Seconds())
	}
	if calls, took := len(b.Signicat.Calls())-before, time.Since(began); calls != 0 || took != 0 {
		t.Errorf("a start caused %d calls and took %s", calls, took)
	}
}

func inBubble(t *testing.T, f func(t *testing.T, b *bubble)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, openBubble(t)) })
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.wantBreaker(t, gateway.BreakerClosed)
		b.breakOpen(t)
		b.wantRefused(t, 5*time.Second)
		pass(4 * time.Second)
		b.wantRefused(t, time.Second)
		pass(time.Second)
		b.wantBreaker(t, gateway.BreakerHalfOpen)
		if got := b.newPhone().start(); got.outcome() != "503 signicat_unavailable, Retry-After 5" {
			t.Errorf("the probe: %s", got.outcome())
		}
		b.wantBreaker(t, gateway.BreakerOpen)
		b.Signicat.ClearScript()
		b.wantRefused(t, 5*time.Second)
		pass(5 * time.Second)
		b.login(t)
		b.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerStaysClosedWhileMostSucceeds: a call that fails now and then is no outage.
func TestBreakerStaysClosedWhileMostSucceeds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for range 20 {
			b.script(t, signicattest.Fault{Operation: "create_session", Call: 1, Status: 400}, signicattest.Fault{Operation: "create_session", Call: 2, Status: 403})
			b.newPhone().start()
			b.newPhone().start()
			b.login(t)
		}
		b.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerForgetsOldFailures: five failures in as many minutes are no outage either.
func TestBreakerForgetsOldFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.away(t)
		for range 10 {
			b.newPhone().start()
			pass(time.Minute)
		}
		b.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestBreakerOpensForAWrongConfiguration: asking again with the wrong secret, or at the wrong api_url, is as useless.
func TestBreakerOpensForAWrongConfiguration(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bubble) {
				b.script(t, signicattest.Fault{Operation: "access_token", Status: status})
				for range 5 {
					b.newPhone().start()
				}
				b.wantRefused(t, 5*time.Second)
			})
		})
	}
}

func TestOneOfManyStartsProbes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.breakOpen(t)
		b.Signicat.ClearScript()
		b.script(t, signicattest.Fault{Operation: "create_session", Delay: time.Second})
		pass(5 * time.Second)
		before := b.Signicat.Count("create_session")
		codes := make(chan int, 50)
		var all sync.WaitGroup
		for range cap(codes) {
			all.Go(func() { codes <- b.newPhone().start().Code })
		}
		all.Wait()
		close(codes)
		answers := map[int]int{}
		for code := range codes {
			answers[code]++
		}
		if calls := b.Signicat.Count("create_session") - before; calls != 1 || answers[http.StatusCreated] != 1 || answers[http.StatusServiceUnavailable] != cap(codes)-1 {
			t.Errorf("%d calls, answers %v", calls, answers)
		}
		b.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestFinishesGoThroughTheOpenBreaker, and tell how Signicat is.
func TestFinishesGoThroughTheOpenBreaker(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.login(t)
		first, second := b.begun(t), b.begun(t)
		b.breakOpen(t)
		b.away(t)
		before := b.Signicat.Count("validate_code")
		if got := first.redeem(); got.Code != http.StatusServiceUnavailable || b.Signicat.Count("validate_code") == before {
			t.Errorf("a finish while Signicat is away: %s", got.outcome())
		}
		b.breakOpen(t)
		b.Signicat.ClearScript()
		if got := second.redeem(); got.outcome() != "the token" {
			t.Errorf("a finish while the breaker is open: %s", got.outcome())
		}
		b.wantBreaker(t, gateway.BreakerClosed)
		if got := first.redeem(); got.outcome() != "the token" {
			t.Errorf("asking again: %s", got.outcome())
		}
	})
}

// TestOpenBreakerSparesSignicat: a status is told without asking, and a cancel is left to the session's expiry.
func TestOpenBreakerSparesSignicat(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		waiting, leaving := b.begun(t), b.begun(t)
		b.breakOpen(t)
		reads, began := b.Signicat.Count("read_session"), time.Now()
		if got := waiting.status(""); got.outcome() != "200 pending" {
			t.Errorf("a status: %s", got.outcome())
		}
		if got := leaving.cancel(); got.Code != http.StatusNoContent {
			t.Errorf("a cancel: %s", got.outcome())
		}
		synctest.Wait()
		if n := b.Signicat.Count("read_session") - reads; n != 0 || time.Since(began) != 0 {
			t.Errorf("a status caused %d reads and took %s", n, time.Since(began))
		}
		if n := b.Signicat.Count("cancel_session"); n != 0 {
			t.Errorf("%d cancels were sent", n)
		}
		pass(5 * time.Second)
		if got := waiting.status(""); got.outcome() != "200 pending" || b.Signicat.Count("read_session") != reads+1 {
			t.Errorf("a status does not probe: %s", got.outcome())
		}
		b.wantBreaker(t, gateway.BreakerClosed)
	})
}

// TestRetryAfterPausesStarts: when Signicat names a time nothing new is tried before, for a minute at most.
func TestRetryAfterPausesStarts(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.login(t)
		p := b.begun(t)
		b.script(t, signicattest.Fault{Operation: "create_session", Call: 1, Status: 429, RetryAfter: "3600"})
		if got := b.newPhone().start(); got.outcome() != "503 signicat_unavailable, Retry-After 3600" {
			t.Errorf("the start itself: %s", got.outcome())
		}
		b.wantRefused(t, time.Minute)
		b.wantBreaker(t, gateway.BreakerOpen)
		if got := p.redeem(); got.outcome() != "the token" {
			t.Errorf("a finish meanwhile: %s", got.outcome())
		}
		pass(59 * time.Second)
		b.wantRefused(t, time.Second)
		pass(time.Second)
		b.wantBreaker(t, gateway.BreakerClosed)
		b.login(t)
	})
}

// TestClientsCannotOpenTheBreaker: whoever wants nobody to log in starts logins and hangs up, or presents codes that
// Signicat stumbles over.
func TestClientsCannotOpenTheBreaker(t *testing.T) {
	t.Run("hanging up", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bubble) {
			b.script(t, signicattest.Fault{Operation: "create_session", Delay: time.Second})
			for range 30 {
				ctx, hangUp := context.WithCancel(t.Context())
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, bubbleURL+logintest.Path+"/login", strings.NewReader("return_to=/"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", bubbleURL)
				go b.send(r)
				synctest.Wait()
				hangUp()
				synctest.Wait()
			}
			pass(2 * time.Second)
			b.wantBreaker(t, gateway.BreakerClosed)
		})
	})
	t.Run("codes that Signicat stumbles over", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bubble) {
			b.login(t)
			b.script(t, signicattest.Fault{Operation: "validate_code", Status: 500})
			p := b.begun(t)
			p.code = "' OR 1=1"
			var attacker sync.WaitGroup
			attacker.Go(func() {
				for range 20 {
					p.redeem()
				}
			})
			for range 60 {
				b.wantBreaker(t, gateway.BreakerClosed)
				pass(time.Second)
			}
			attacker.Wait()
		})
	})
}

// TestFailuresInABrowser: a person sees a page that comes back by itself where that helps, which is
// with a code, and does not where another login would have to be started.
func TestFailuresInABrowser(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.login(t)
		back, cookies := b.browserBegun(t)
		comeBack := func() reply { return b.send(withCookies(httptest.NewRequest(http.MethodGet, back, nil), cookies)) }
		b.away(t)
		returned := comeBack()
		if returned.Code != http.StatusServiceUnavailable || returned.Header().Get("Retry-After") != "5" || !strings.Contains(returned.Body.String(), `data-refresh="5"`) {
			t.Errorf("coming back: %s %v", returned.outcome(), returned.Header())
		}
		if set := returned.Result().Cookies(); len(set) != 0 {
			t.Errorf("coming back changes the cookies: %v", set)
		}
		r := httptest.NewRequest(http.MethodPost, bubbleURL+logintest.Path+"/login", strings.NewReader("return_to=/account"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", bubbleURL)
		r.Header.Set("Accept", "text/html")
		got := b.send(r)
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "5" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			t.Errorf("starting: %s %v", got.outcome(), got.Header())
		}
		if strings.Contains(got.Body.String(), "500") || strings.Contains(got.Body.String(), "data-refresh") || len(got.Result().Cookies()) != 0 {
			t.Errorf("the page says too much: %s", got.Body)
		}
		b.Signicat.ClearScript()
		if got := comeBack(); got.Code != http.StatusSeeOther {
			t.Errorf("coming back once more: %s", got.outcome())
		}
	})
}
