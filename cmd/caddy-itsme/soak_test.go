//go:build soak

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

var (
	soakTime     = flag.Duration("soak", 5*time.Minute, "how long the soak takes")
	soakSentinel = flag.Bool("sentinel", false, "Redis behind Sentinel, with a failover every minute")
	soakSeed     = flag.Uint64("seed", 0, "seed of the faults; 0 draws one")
)

const (
	loginsPerSecond   = 50
	requestsPerSecond = 500
	wrongPercent      = 5 // of logins present a made-up code, of requests a token that is not valid
	faultEvery        = 2 * time.Second
	loginPatience     = 2 * time.Minute
	restartEvery      = 20 * time.Second
	theftEvery        = 5 * time.Second
	refreshingApps    = 30
	clockAhead        = 20 * time.Second

	// What a replica may grow by: each token that it sees may stay until its end, as a verified one and
	// as a result that an app may ask for again; the rest is connections and their buffers. Caddy keeps
	// 32 idle connections to an upstream for two minutes, with two goroutines each.
	bytesPerLogin  = 2 << 10
	heapSlack      = 10 << 20
	goroutineSlack = 50 + 2*32
)

// soak runs the load, and counts its results.
type soak struct {
	*env
	sentinel                        *redistest.Sentinel // nil without -sentinel
	started, finished, requests     atomic.Int64
	wronglyRefused, wronglyAdmitted atomic.Int64
	stuck                           atomic.Int64 // logins that came to no end
	faults                          atomic.Int64
	refreshes                       refreshCounts
	restarts                        atomic.Int64
	failovers                       failovers
	revocations                     revocations

	mu      sync.Mutex
	refused map[string]int // logins by the error that they ended in
	tokens  []string       // the latest, all valid
	// signedBy holds the key IDs of all tokens.
	signedBy map[string]bool
}

// The replicas of the soak: an ordinary one, one whose clock is ahead, and one that restarts again and again.
const restarted = 2

// TestSoak logs users in through three replicas, refreshes logins over a network that loses responses,
// steals refresh tokens and rotates the signing key, while Signicat and the connections to it fail at
// random. It ends with a table, and fails when a client was wrongly refused or let in, or when the
// replicas that last grow.
func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	e, sentinel := newSoakEnv(t, new(replica), &replica{ahead: clockAhead}, new(replica))
	s := &soak{env: e, sentinel: sentinel, refused: make(map[string]int), signedBy: make(map[string]bool)}
	s.resend.Store(true)
	s.NewApp().Login(t, "adult") // everything is at hand before the sizes are taken
	s.rotateKeysIn(t, *soakTime/2)
	before := s.sizes(t)
	s.run(t, rand.New(rand.NewPCG(seed, seed)))
	after := s.sizes(t)
	for range 20 { // the last connections may still be closing
		if !slices.ContainsFunc(after, func(a size) bool { return a.goroutines > before[0].goroutines+goroutineSlack }) {
			break
		}
		<-time.After(time.Second)
		after = s.sizes(t)
	}
	t.Logf("seed %d\n%s%s", seed, s.table(before, after), s.failoverTable())
	for i := range after {
		kept := s.finished.Load() * bytesPerLogin
		if grown := after[i].heap - before[i].heap; grown > kept+heapSlack || after[i].goroutines > before[i].goroutines+goroutineSlack {
			t.Errorf("replica %d grew by %d KiB of live heap, to %d goroutines:\n%s", i+1, grown>>10, after[i].goroutines, after[i].profile)
		}
	}
	s.findLostRevocations(t)
	if s.revocations.lost.Load() != 0 {
		t.Error("a revoked token is accepted")
	}
	if s.wronglyRefused.Load() != 0 || s.wronglyAdmitted.Load() != 0 || s.stuck.Load() != 0 {
		t.Error("a client was wrongly refused or let in, or waits without end")
	}
}

// run makes the load until the time is over, and waits for running requests.
func (s *soak) run(t *testing.T, random *rand.Rand) {
	var all sync.WaitGroup
	over := make(chan struct{})
	all.Go(func() { s.keepRestarting(t, over) })
	all.Go(func() { s.keepRevoking(t, over) })
	if s.sentinel != nil {
		all.Go(func() { s.keepFailingOver(t, over) })
	}
	for range refreshingApps {
		own := rand.New(rand.NewPCG(random.Uint64(), random.Uint64()))
		all.Go(func() { s.keepRefreshing(t, over, own) })
	}
	end := time.After(*soakTime)
	logins, requests := time.NewTicker(time.Second/loginsPerSecond), time.NewTicker(time.Second/requestsPerSecond)
	faults, thefts := time.NewTicker(faultEvery), time.NewTicker(theftEvery)
	for running := true; running; {
		select {
		case <-end:
			running = false
		case <-faults.C:
			s.fault(t, random)
		case <-thefts.C:
			all.Go(func() { s.steal(t) })
		case <-logins.C:
			wrong := random.IntN(100) < wrongPercent
			all.Go(func() { s.login(t, wrong) })
		case <-requests.C:
			wrong, pick := random.IntN(100) < wrongPercent, random.Uint64()
			all.Go(func() { s.request(t, wrong, pick) })
		}
	}
	close(over)
	s.Signicat.ClearScript()
	all.Wait()
}

// fault makes one operation of Signicat fail a few times, in a random way, until the next fault. The next
// fault must end it: an open breaker lets one call in 5 s through, and would make 20 failures last for
// minutes.
func (s *soak) fault(t *testing.T, random *rand.Rand) {
	s.Signicat.ClearScript()
	ways := []signicattest.Fault{
		{Status: 500},
		{Status: 503, RetryAfter: "1"},
		{Status: 429, RetryAfter: "1"},
		{Status: 401},
		{Cut: signicattest.CutBeforeHeaders},
		{Cut: signicattest.CutMidBody},
		{Cut: signicattest.CutConnection},
		{Cut: signicattest.CutSilence},
		{Cut: signicattest.CutGoAway},
		{Body: signicattest.BodyHTML},
		{Body: signicattest.BodyHuge},
		{Body: signicattest.BodyTruncated},
		{Delay: 4 * time.Second},
		{Redirect: "https://example.be/"},
	}
	operations := []string{"access_token", "create_session", "validate_code", "read_session", "cancel_session"}
	fault := ways[random.IntN(len(ways))]
	fault.Operation = operations[random.IntN(len(operations))]
	fault.Call, fault.Times = 1+random.IntN(10), 1+random.IntN(20)
	fault.After = random.IntN(2) == 0
	if err := s.Signicat.Script(fault); err != nil {
		t.Error(err)
	}
	s.faults.Add(1)
}

// login is one login of a user. It counts a refused start or a lost code. It fails the test if a made-up code
// gets a token.
func (s *soak) login(t *testing.T, wrong bool) {
	s.started.Add(1)
	app := s.NewApp()
	start := app.PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()})
	if start.Status != http.StatusCreated {
		s.refuse("start: " + start.Text("code"))
		return
	}
	back, err := s.Signicat.Approve(start.Text("authorization_request_url"), "adult")
	if err != nil {
		s.refuse("approve: " + err.Error())
		return
	}
	code, state := parts(back)
	if wrong {
		code = strings.Repeat("a", 36)
	}
	answer, final := redeemedWithin(t, loginPatience, app, code, state)
	token := answer.Text("access_token")
	switch {
	case !final:
		s.stuck.Add(1)
		s.refuse("finish: still " + answer.Text("error"))
	case token != "" && wrong:
		s.wronglyAdmitted.Add(1)
	case token != "":
		s.finished.Add(1)
		s.keep(token)
	case wrong:
		s.refuse("made-up code: " + answer.Text("error"))
	default:
		s.refuse("finish: " + answer.Text("error"))
	}
}

func parts(back string) (code, state string) {
	found := regexp.MustCompile(`code=([^&]+)&state=([^&]+)`).FindStringSubmatch(back)
	if found == nil {
		return "", ""
	}
	return found[1], strings.ReplaceAll(found[2], "%3A", ":")
}

func (s *soak) refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[why]++
}

func (s *soak) keep(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signedBy[keyID(token)] = true
	if s.tokens = append(s.tokens, token); len(s.tokens) > 1000 {
		s.tokens = s.tokens[len(s.tokens)-1000:]
	}
}

// request calls the upstream with a valid token, or with a token that has another token's signature.
func (s *soak) request(t *testing.T, wrong bool, pick uint64) {
	s.mu.Lock()
	if len(s.tokens) < 2 {
		s.mu.Unlock()
		return
	}
	i := int(pick % uint64(len(s.tokens)))
	token, other := s.tokens[i], s.tokens[(i+1)%len(s.tokens)]
	s.mu.Unlock()
	if wrong {
		token = token[:strings.LastIndex(token, ".")] + other[strings.LastIndex(other, "."):]
	}
	s.requests.Add(1)
	answer := s.NewApp().Call(t, "/api", token)
	switch {
	case wrong && answer.Status != http.StatusUnauthorized:
		s.wronglyAdmitted.Add(1)
	case !wrong && answer.Status == http.StatusServiceUnavailable && s.failovers.underWay():
		s.failovers.refused.Add(1)
	case !wrong && answer.Status != http.StatusOK:
		s.wronglyRefused.Add(1)
		s.refuse(fmt.Sprintf("request: %d %s", answer.Status, answer.Text("code")))
	}
}
