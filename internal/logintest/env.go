// Package logintest plays logins against a running gateway over HTTP, and checks what every gateway must do
// on any server. [Run] is the suite. [App] and [Browser] are the two kinds of clients, for other tests too.
//
// The package does not use the gateway's code. The other end is the simulator of package signicattest, whose
// phone the tests control.
package logintest

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// Options configures the gateway and the simulator of a scenario.
type Options struct {
	// Attributes lists the requested attributes. Default name firstName lastName dateOfBirth nin.
	Attributes []string
	// Claims lists the claims in the token. Default: the gateway's.
	Claims []string
	// Encrypted encrypts the tokens of apps. Default: they are signed.
	Encrypted bool
	// LoA of the gateway. Default: none.
	LoA string
	// Refresh bounds the time in which logins may be refreshed. Default: no refresh.
	Refresh time.Duration
	// Require holds the requirements of the site. Default: none.
	Require Require
	// Verify allows the tests to call /verify. Default: no client may.
	Verify bool
	// Simulator configures the simulator. URLs are filled in.
	Simulator signicattest.Config
}

// Require holds the requirements of a site. Zero fields require nothing.
type Require struct {
	LoA    string
	MaxAge time.Duration
	MinAge int
	Claim  string
	Values []string
}

// attributes returns the attributes to request.
func (o Options) attributes() []string {
	if len(o.Attributes) > 0 {
		return o.Attributes
	}
	return []string{"name", "firstName", "lastName", "dateOfBirth", "nin"}
}

// Env holds a running gateway, its Signicat, and its upstream.
type Env struct {
	// URL is public_url. The site protects everything below it but /public.
	URL string
	// Signicat is the simulator.
	Signicat *signicattest.Server
	// Upstream is the service behind the gateway.
	Upstream *Upstream
	// Advance moves the clock of the gateway and the simulator. Nil for the wall clock.
	Advance func(time.Duration)
	// Check compares every exchange with the document of the API. Nil checks nothing.
	Check func(testing.TB, Exchange)
}

// Path is the prefix of the gateway's endpoints in every test.
const Path = "/itsme"

// Upstream records its requests and answers 200 with "upstream".
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

// Last returns the header of the last request, or nil.
func (u *Upstream) Last() http.Header {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.requests) == 0 {
		return nil
	}
	return u.requests[len(u.requests)-1].Header
}

// Count returns the number of requests.
func (u *Upstream) Count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.requests)
}

// Counts returns the number of calls of each operation at Signicat.
func (e *Env) Counts() map[string]int {
	counts := map[string]int{}
	for _, operation := range operations {
		counts[operation] = e.Signicat.Count(operation)
	}
	return counts
}

var operations = []string{"access_token", "create_session", "read_session", "cancel_session", "validate_code"}

// Sent returns the number of calls of an operation since before.
func (e *Env) Sent(before map[string]int, operation string) int {
	return e.Signicat.Count(operation) - before[operation]
}

// wantCalls checks how often Signicat saw an operation.
func (e *Env) wantCalls(t *testing.T, operation string, want int) {
	t.Helper()
	e.wantSent(t, nil, operation, want)
}

// wantSent checks how often Signicat saw an operation since before.
func (e *Env) wantSent(t *testing.T, before map[string]int, operation string, want int) {
	t.Helper()
	if n := e.Sent(before, operation); n != want {
		t.Errorf("Signicat saw %s %d times, want %d", operation, n, want)
	}
}

// wantNoUpstream checks that no request reached the upstream.
func (e *Env) wantNoUpstream(t *testing.T) {
	t.Helper()
	if n := e.Upstream.Count(); n != 0 {
		t.Errorf("the upstream got %d requests", n)
	}
}

// script makes Signicat fail.
func (e *Env) script(t *testing.T, faults ...signicattest.Fault) {
	t.Helper()
	if err := e.Signicat.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// Open starts a gateway for a scenario.
type Open func(t *testing.T, o Options) *Env

// Scenario is a test that every gateway must pass.
type Scenario struct {
	Name    string
	Options Options
	Play    func(t *testing.T, e *Env)
}

// Scenarios returns the scenarios without [Env.Advance]. Each needs a gateway of its own.
func Scenarios() []Scenario {
	all := slices.Concat(appScenarios, browserScenarios, crossScenarios, resultScenarios, lostScenarios, refreshScenarios, appLinkScenarios, requireScenarios, ageScenarios, verifyScenarios, documentScenarios)
	for i := range all {
		all[i].Options.Attributes = all[i].Options.attributes()
	}
	return all
}

// TimedScenarios returns the scenarios that need [Env.Advance].
func TimedScenarios() []Scenario {
	all := slices.Concat(timedFinishScenarios, timedRefreshScenarios, timedRequireScenarios, timedAgeScenarios)
	for i := range all {
		all[i].Options.Attributes = all[i].Options.attributes()
	}
	return all
}

// Run plays every scenario, each with a gateway of its own on a clock that the test moves.
func Run(t *testing.T, open Open) {
	for _, s := range append(Scenarios(), TimedScenarios()...) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.Play(t, open(t, s.Options))
		})
	}
}
