package gateway_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	jwt "github.com/caddy-itsme/caddy-itsme/token"
)

// roomy lets one client do what it takes many to do.
func roomy(c *gateway.Config, _ *signicattest.Config) {
	c.Limit = gateway.LimitConfig{
		SessionsPerClient: 100_000, TokenPerClient: 100_000, Pending: 100_000, PendingPerClient: 100_000, LongPollsPerClient: 100_000,
	}
}

// TestLongPollsAreBounded has as many clients wait as may, and 500 more, which are answered at once. No client waits
// longer for them.
func TestLongPollsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		p := b.newPhone()
		p.start()
		if got := p.status(""); got.outcome() != "200 pending" { // Signicat is asked now, and not by those who wait
			t.Fatalf("the status: %s", got.outcome())
		}
		began, statuses := time.Now(), make(chan string, gateway.MaxPolls)
		var clients sync.WaitGroup
		for range cap(statuses) {
			clients.Go(func() { statuses <- p.status("?wait=25s").text("status") })
		}
		synctest.Wait()
		if len(statuses) != 0 {
			t.Errorf("%d of %d were answered at once", len(statuses), cap(statuses))
		}
		for range 500 {
			wantEarly(t, p)
		}
		p.cancel()
		clients.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("the end was told after %s", took)
		}
		close(statuses)
		for status := range statuses {
			if status != "cancelled" {
				t.Fatalf("who waited was told %s", status)
			}
		}
		if got := p.status("?wait=25s"); got.outcome() != "200 cancelled" {
			t.Errorf("the end: %s", got.outcome())
		}
	})
}

// wantEarly has a long poll be one too many: it is answered at once, and with when to ask again.
func wantEarly(t *testing.T, p *phone) {
	t.Helper()
	began := time.Now()
	got := p.status("?wait=25s")
	if got.outcome() != "200 pending, Retry-After 2" || time.Since(began) != 0 {
		t.Fatalf("one more got %s after %s", got.outcome(), time.Since(began))
	}
}

// TestLongPollsOfAClientAreBounded has one client hold long polls from every address that it has. Other clients still
// wait, and so does the same client once it has fewer.
func TestLongPollsOfAClientAreBounded(t *testing.T) {
	t.Parallel()
	const perClient, perNetwork = gateway.DefaultLongPollsPerClient, gateway.NetworkShare * gateway.DefaultLongPollsPerClient
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
				b := openBubble(t)
				p := b.newPhone()
				p.start()
				p.status("") // Signicat is asked now
				var clients sync.WaitGroup
				var answered atomic.Int64
				for i := range row.held {
					clients.Go(func() {
						p.from(row.flood(i)).status("?wait=20s")
						answered.Add(1)
					})
				}
				synctest.Wait()
				if n := answered.Load(); n != 0 {
					t.Errorf("%d of %d were answered at once", n, row.held)
				}
				wantEarly(t, p.from(row.none))
				wantWait := func(address string) {
					t.Helper()
					began := time.Now()
					got := p.from(address).status("?wait=5s")
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

// TestLongPollThatTheGatewayEndsNamesATime: a server that is about to stop answers all who wait, and they ask again
// only later.
func TestLongPollThatTheGatewayEndsNamesATime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		p := b.newPhone()
		p.start()
		var client sync.WaitGroup
		client.Go(func() { wantEarly(t, p) })
		synctest.Wait()
		b.gateway.EndLongPolls()
		client.Wait()
		wantEarly(t, p)
	})
}

// TestCancelsUnderWayAreBounded gives up more logins than there may be cancels under way. The rest is left to expire.
func TestCancelsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		b.script(t, signicattest.Fault{Operation: "cancel_session", Delay: 5 * time.Second})
		for range 2 * gateway.MaxCancels {
			p := b.newPhone()
			p.start()
			if got := p.cancel(); got.Code != http.StatusNoContent {
				t.Errorf("cancelling: %s", got.outcome())
			}
		}
		synctest.Wait()
		if n := b.signicat.Count("cancel_session"); n != gateway.MaxCancels {
			t.Errorf("%d cancels are under way, want %d", n, gateway.MaxCancels)
		}
		pass(6 * time.Second)
		p := b.newPhone()
		p.start()
		p.cancel()
		synctest.Wait()
		if n := b.signicat.Count("cancel_session"); n != gateway.MaxCancels+1 {
			t.Errorf("%d cancels in all, want one more", n)
		}
	})
}

// TestStatusReadsAreBounded has 500 clients watch as many sessions for 10 s: together they cause as many reads of
// Signicat as the budget allows.
func TestStatusReadsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		var clients sync.WaitGroup
		for range 500 {
			p := b.newPhone()
			p.start()
			clients.Go(func() { p.status("?wait=10s") })
		}
		clients.Wait()
		const most = gateway.DefaultStatusReads + 10*gateway.DefaultStatusReads
		if n := b.signicat.Count("read_session"); n > most || n < most/2 {
			t.Errorf("%d reads in 10 s, want up to %d", n, most)
		}
	})
}

// TestFinishWaitsBehindNoStatus finishes a login while the budget of the others is used up.
func TestFinishWaitsBehindNoStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := openBubble(t, roomy)
		p := b.begun(t)
		for range 2 * gateway.DefaultStatusReads {
			q := b.newPhone()
			q.start()
			q.status("")
		}
		began := time.Now()
		if got := p.redeem(); got.outcome() != "the token" || time.Since(began) != 0 {
			t.Errorf("a finish got %s after %s", got.outcome(), time.Since(began))
		}
	})
}

// bounds are the numbers of the table in docs/operations.md.
var bounds = map[string]int{
	"Pending sessions":                                             gateway.DefaultPending,
	"Pending sessions of one client":                               gateway.DefaultPendingPerClient,
	"Starts of one client in a minute":                             gateway.DefaultSessionsPerClient,
	"Starts of one IPv6 /48 in a minute":                           gateway.NetworkShare * gateway.DefaultSessionsPerClient,
	"Bytes of a pending session":                                   pending.MaxSize,
	"Challenges remembered":                                        pending.MaxRemembered,
	"Counters of clients":                                          pending.MaxCounters,
	"Refresh families":                                             pending.MaxFamilies,
	"Long polls":                                                   gateway.MaxPolls,
	"Long polls of one client":                                     gateway.DefaultLongPollsPerClient,
	"Long polls of one IPv6 /48":                                   gateway.NetworkShare * gateway.DefaultLongPollsPerClient,
	"Reads of Signicat for statuses, a second":                     gateway.DefaultStatusReads,
	"Sessions whose status is to be read":                          gateway.DefaultPending,
	"Reads for statuses under way":                                 gateway.MaxReads,
	"Cancels under way":                                            gateway.MaxCancels,
	"Finishes under way of one login":                              1,
	"Verified tokens":                                              gateway.MaxVerified,
	"Login cookies of one browser":                                 gateway.MaxLoginCookies,
	"Events that wait for a handler":                               1 << 10, // of package caddymodule, whose own test compares it
	"Bytes of a session cookie":                                    gateway.MaxCookieToken,
	"Bytes of an attribute":                                        attribute.MaxValue,
	"Bytes of a token that is looked at":                           jwt.MaxSize,
	"Bytes of a request's body":                                    gateway.MaxBody,
	"Seconds in which a request's body arrives":                    int(gateway.BodyTimeout / time.Second),
	"Requests of one client to `/token` and `/revoke` in a minute": gateway.DefaultTokenPerClient,
	"Tokens of one login revoked one by one, within the lifetime of an access token": gateway.MaxTokenRevocations,
	"Bytes of a refresh family":                 pending.MaxFamilySize,
	"Subjects whose running logins are counted": pending.MaxSubjects,
	"Running logins of a subject":               pending.MaxLogins,
	"Bytes of Signicat's answer":                signicat.MaxBody,
}

var (
	boundRow = regexp.MustCompile("(?m)^\\| ([^|]+) \\| ([0-9,]+)[^|]* \\| [^|]+ \\| `(Test[A-Za-z0-9]+)`")
	testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
)

// TestEveryBoundHasItsTest compares the table of docs/operations.md with the constants, and looks for every test that
// the page names.
func TestEveryBoundHasItsTest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]int)
	for _, row := range boundRow.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(row[2], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		told[row[1]] = n
	}
	if diff := cmp.Diff(bounds, told); diff != "" {
		t.Errorf("the table tells others (-constants +docs):\n%s", diff)
	}
	tests := testNames(t, "..")
	for _, name := range testName.FindAllStringSubmatch(string(text), -1) {
		if !tests[name[1]] {
			t.Errorf("there is no %s", name[1])
		}
	}
}

// testNames are the tests below a folder.
func testNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
