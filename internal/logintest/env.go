// Package logintest plays logins against a running gateway, over HTTP alone, and checks what
// every gateway must do, whatever server it runs in: [Run] is the suite, [App] and [Browser] are
// the two kinds of clients, for tests with a story of their own.
//
// It knows nothing of the gateway's code. The other end is the simulator of package
// signicattest, whose phone the tests hold.
package logintest

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// Options are what a scenario needs of its gateway beyond the ordinary.
type Options struct {
	// Attributes asked of Signicat. Default name firstName lastName dateOfBirth nin.
	Attributes []string
	// Claims in the token. Default: the gateway's.
	Claims []string
	// LoA of the gateway. Default: none.
	LoA string
	// Refresh is how long logins may be refreshed. Default: they may not.
	Refresh time.Duration
	// Require is what the site requires of a login. Default: nothing.
	Require Require
	// Verify lets the tests call /verify. Default: nobody may.
	Verify bool
	// Simulator is how Signicat behaves; URLs are filled in.
	Simulator signicattest.Config
}

// Require is what a site requires of a login. Zero fields ask for nothing.
type Require struct {
	LoA    string
	MaxAge time.Duration
	MinAge int
	Claim  string
	Values []string
}

// attributes are what is asked of Signicat when a scenario does not care.
func (o Options) attributes() []string {
	if len(o.Attributes) > 0 {
		return o.Attributes
	}
	return []string{"name", "firstName", "lastName", "dateOfBirth", "nin"}
}

// Env is a running gateway, its Signicat, and its upstream.
type Env struct {
	// URL is public_url. The site protects everything below it but /public.
	URL string
	// Signicat is the simulator behind it.
	Signicat *signicattest.Server
	// Upstream is what stands behind it.
	Upstream *Upstream
	// Advance moves the clock of the gateway and the simulator. Nil where that is the wall clock.
	Advance func(time.Duration)
	// Check compares every exchange with the document of the API. Nil checks nothing.
	Check func(testing.TB, Exchange)
}

// Path is the prefix of the gateway's own endpoints in every test.
const Path = "/itsme"

// Upstream records what reaches it and answers 200 with "upstream".
type Upstream struct {
	mu       sync.Mutex
	requests []*http.Request
}

// ServeHTTP implements http.Handler.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.requests = append(u.requests, r)
	u.mu.Unlock()
	_, _ = w.Write([]byte("upstream"))
}

// Last is the header of the last request, nil when there was none.
func (u *Upstream) Last() http.Header {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.requests) == 0 {
		return nil
	}
	return u.requests[len(u.requests)-1].Header
}

// Count is how many requests came.
func (u *Upstream) Count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.requests)
}

// Counts are how many calls of each operation Signicat saw.
func (e *Env) Counts() map[string]int {
	counts := map[string]int{}
	for _, operation := range operations {
		counts[operation] = e.Signicat.Count(operation)
	}
	return counts
}

var operations = []string{"access_token", "create_session", "read_session", "cancel_session", "validate_code"}

// Sent is how often Signicat saw an operation since before.
func (e *Env) Sent(before map[string]int, operation string) int {
	return e.Signicat.Count(operation) - before[operation]
}

// script makes Signicat fail.
func (e *Env) script(t *testing.T, faults ...signicattest.Fault) {
	t.Helper()
	if err := e.Signicat.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// Open starts a gateway as a scenario needs it.
type Open func(t *testing.T, o Options) *Env

// Scenario is one story that every gateway must tell the same way.
type Scenario struct {
	Name    string
	Options Options
	Play    func(t *testing.T, e *Env)
}

// Scenarios are all of them. Each needs a gateway of its own.
func Scenarios() []Scenario {
	all := slices.Concat(appScenarios, browserScenarios, crossScenarios, resultScenarios, lostScenarios, refreshScenarios, appLinkScenarios, requireScenarios, verifyScenarios, documentScenarios)
	for i := range all {
		all[i].Options.Attributes = all[i].Options.attributes()
	}
	return all
}

// TimedScenarios are those that need [Env.Advance].
func TimedScenarios() []Scenario {
	all := slices.Concat(timedFinishScenarios, timedRefreshScenarios, timedRequireScenarios)
	for i := range all {
		all[i].Options.Attributes = all[i].Options.attributes()
	}
	return all
}

// Run plays every scenario, each against a gateway that open starts for it, on a clock that can
// be moved.
func Run(t *testing.T, open Open) {
	for _, s := range append(Scenarios(), TimedScenarios()...) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.Play(t, open(t, s.Options))
		})
	}
}
