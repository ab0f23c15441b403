package flow_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// highLimits lets one client send as many requests as a test needs.
func highLimits(c *gateway.Config, _ *signicattest.Config) {
	c.Limit = gateway.LimitConfig{
		SessionsPerClient: 100_000, TokenPerClient: 100_000, Pending: 100_000, PendingPerClient: 100_000, LongPollsPerClient: 100_000,
	}
}

// Bounds that no option changes.
const (
	maxPolls     = 5_000
	maxReads     = 64
	maxCancels   = 64
	networkShare = 16
	bodyTimeout  = 10 * time.Second
	maxLook      = 2 * time.Second // how late a replica sees a change; in no table
)

// TestBoundsArePublished compares the bounds of these tests with the table of docs/limits.md. Package
// gateway compares that table with its code.
func TestBoundsArePublished(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for bound, want := range map[string]int{
		"Long polls":                                maxPolls,
		"Long polls of one IPv6 /48":                networkShare * gateway.DefaultLongPollsPerClient,
		"Reads for statuses under way":              maxReads,
		"Cancels under way":                         maxCancels,
		"Seconds in which a request's body arrives": int(bodyTimeout / time.Second),
	} {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(bound) + ` \| ([0-9,]+)`).FindSubmatch(page)
		if row == nil || strings.ReplaceAll(string(row[1]), ",", "") != strconv.Itoa(want) {
			t.Errorf("%s: docs/limits.md has %q, want %d", bound, row, want)
		}
	}
}

// TestLongPollsAreBounded holds as many long polls as the gateway allows. It answers 500 more at once. The
// clients that wait get their answer without a delay.
func TestLongPollsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		a := e.newApp()
		a.start()
		if got := a.status(""); got.outcome() != "200 pending" { // reads the session now, so that no client that waits reads it
			t.Fatalf("the status: %s", got.outcome())
		}
		began, statuses := time.Now(), make(chan string, maxPolls)
		var clients sync.WaitGroup
		for range cap(statuses) {
			clients.Go(func() { statuses <- a.status("?wait=25s").text("status") })
		}
		synctest.Wait()
		if len(statuses) != 0 {
			t.Errorf("%d of %d were answered at once", len(statuses), cap(statuses))
		}
		for range 500 {
			wantEarly(t, a)
		}
		a.cancel()
		clients.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("the waiting clients had their answer after %s", took)
		}
		close(statuses)
		for status := range statuses {
			if status != "cancelled" {
				t.Fatalf("a waiting client read %s", status)
			}
		}
		if got := a.status("?wait=25s"); got.outcome() != "200 cancelled" {
			t.Errorf("the end: %s", got.outcome())
		}
	})
}

// wantEarly sends one long poll too many. It wants an answer at once, with Retry-After.
func wantEarly(t *testing.T, a *app) {
	t.Helper()
	began := time.Now()
	got := a.status("?wait=25s")
	if got.outcome() != "200 pending, Retry-After 2" || time.Since(began) != 0 {
		t.Fatalf("one more got %s after %s", got.outcome(), time.Since(began))
	}
}

// TestLongPollsOfAClientAreBounded has one client hold long polls from every address that it has. Other
// clients still wait. So does the same client once it holds fewer.
func TestLongPollsOfAClientAreBounded(t *testing.T) {
	t.Parallel()
	const perClient, perNetwork = gateway.DefaultLongPollsPerClient, networkShare * gateway.DefaultLongPollsPerClient
	for name, row := range map[string]struct {
		flood func(i int) string
		held  int
		none  string // another address of the same client
		other string // another client
	}{
		"IPv4":             {func(int) string { return "198.51.100.1" }, perClient, "::ffff:198.51.100.1", "198.51.100.2"},
		"a /64":            {func(i int) string { return fmt.Sprintf("2001:db8::%x", i) }, perClient, "2001:db8::ffff:1", "2001:db8:0:1::"},
		"a /48":            {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, perNetwork, "2001:db8:0:ffff::1", "2001:db8:1::1"},
		"16 /64s of a /48": {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%16) }, perNetwork, "2001:db8:0:ffff::1", "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				a := e.newApp()
				a.start()
				a.status("") // reads the session now
				var clients sync.WaitGroup
				var answered atomic.Int64
				for i := range row.held {
					clients.Go(func() {
						a.from(row.flood(i)).status("?wait=20s")
						answered.Add(1)
					})
				}
				synctest.Wait()
				if n := answered.Load(); n != 0 {
					t.Errorf("%d of %d were answered at once", n, row.held)
				}
				wantEarly(t, a.from(row.none))
				wantWait := func(address string) {
					t.Helper()
					began := time.Now()
					got := a.from(address).status("?wait=5s")
					if got.outcome() != "200 pending" || time.Since(began) != 5*time.Second {
						t.Errorf("%s got %s after %s", address, got.outcome(), time.Since(began))
					}
				}
				wantWait(row.other)
				clients.Wait()
				wantWait(row.none)
			})
		})
	}
}

// TestLongPollThatTheGatewayEndsNamesATime ends all long polls, as a server does before it stops. The answer
// has Retry-After, so that clients do not ask again at once.
func TestLongPollThatTheGatewayEndsNamesATime(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		a := e.newApp()
		a.start()
		var client sync.WaitGroup
		client.Go(func() { wantEarly(t, a) })
		synctest.Wait()
		e.Gateway.EndLongPolls()
		client.Wait()
		wantEarly(t, a)
	})
}

// TestCancelsUnderWayAreBounded cancels more logins than the gateway sends cancels for at the same time. The
// other sessions expire at Signicat.
func TestCancelsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		e.script(t, signicattest.Fault{Operation: "cancel_session", Delay: 5 * time.Second})
		for range 2 * maxCancels {
			a := e.newApp()
			a.start()
			if got := a.cancel(); got.Code != http.StatusNoContent {
				t.Errorf("cancelling: %s", got.outcome())
			}
		}
		synctest.Wait()
		if n := e.Signicat.Count("cancel_session"); n != maxCancels {
			t.Errorf("%d cancels are under way, want %d", n, maxCancels)
		}
		pass(6 * time.Second)
		a := e.newApp()
		a.start()
		a.cancel()
		synctest.Wait()
		if n := e.Signicat.Count("cancel_session"); n != maxCancels+1 {
			t.Errorf("%d cancels in all, want one more", n)
		}
	})
}

// TestStatusReadsAreBounded has 500 clients wait for as many sessions for 10 s. Together they cause no more
// reads at Signicat than the budget allows.
func TestStatusReadsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		var clients sync.WaitGroup
		for range 500 {
			a := e.newApp()
			a.start()
			clients.Go(func() { a.status("?wait=10s") })
		}
		clients.Wait()
		const most = gateway.DefaultStatusReads + 10*gateway.DefaultStatusReads
		if n := e.Signicat.Count("read_session"); n > most || n < most/2 {
			t.Errorf("%d reads in 10 s, want up to %d", n, most)
		}
	})
}

// TestFinishWaitsBehindNoStatus finishes a login while the budget for status reads is used up.
func TestFinishWaitsBehindNoStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, highLimits)
		a := e.approvedApp(t)
		for range 2 * gateway.DefaultStatusReads {
			other := e.newApp()
			other.start()
			other.status("")
		}
		began := time.Now()
		if got := a.redeem(); got.outcome() != "the token" || time.Since(began) != 0 {
			t.Errorf("a finish got %s after %s", got.outcome(), time.Since(began))
		}
	})
}
