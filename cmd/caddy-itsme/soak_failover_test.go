//go:build soak

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
)

const (
	failoverEvery = time.Minute
	revokeEvery   = 200 * time.Millisecond
	// heard is how long after a confirmed revocation no replica may accept the token: the replicas hear of
	// it within one second, and the request is under way for a while.
	heard = 3 * time.Second
)

// newSoakEnv starts the replicas of the soak, and Redis or, with -sentinel, a primary with a replica that
// three Sentinels watch.
func newSoakEnv(t *testing.T, replicas ...*replica) (*env, *redistest.Sentinel) {
	t.Helper()
	if !*soakSentinel {
		return newEnvWith(t, "no", replicas...), nil
	}
	e, sentinel := &env{replicas: replicas}, redistest.StartSentinel(t)
	e.store = fmt.Sprintf("address %s\n\t\t\tsentinel %s {\n\t\t\t\tuser %s\n\t\t\t\tpassword %s\n\t\t\t}",
		strings.Join(sentinel.Addresses(), " "), sentinel.Master, sentinel.Username, sentinel.Password)
	return e.start(t), sentinel
}

// failovers counts what happens while a standby takes over.
type failovers struct {
	made, refused atomic.Int64
	running       atomic.Bool

	mu      sync.Mutex
	ended   time.Time
	longest time.Duration
}

// underWay reports whether a failover is under way, or ended less than a moment ago.
func (f *failovers) underWay() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running.Load() || time.Since(f.ended) < time.Second
}

// keepFailingOver kills the primary once a minute, waits until the replicas work with the standby, and starts
// the killed server again, which becomes the standby.
func (s *soak) keepFailingOver(t *testing.T, over <-chan struct{}) {
	for {
		if !sleep(over, failoverEvery) {
			return
		}
		old := s.sentinel.Primary(t)
		began := time.Now()
		s.failovers.running.Store(true)
		old.Kill()
		s.sentinel.AwaitFailover(t, old)
		for i := range s.replicas {
			s.awaitStarts(t, i)
		}
		s.failovers.mu.Lock()
		s.failovers.ended = time.Now()
		s.failovers.longest = max(s.failovers.longest, time.Since(began))
		s.failovers.mu.Unlock()
		s.failovers.running.Store(false)
		s.failovers.made.Add(1)
		old.Restart(t)
		redistest.Until(t, "the killed server is the standby", func() bool { return old.Role(t) == "slave" })
		old.AwaitSync(t)
	}
}

// awaitStarts waits until a replica starts logins.
func (s *soak) awaitStarts(t *testing.T, i int) {
	for range 600 {
		r := s.replicas[i]
		answer, err := http.Get(r.backend.Load().String() + logintest.Path + "/health/ready")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Errorf("replica %d is not ready after a failover", i+1)
}

// revocations are the tokens that were revoked, and when that was confirmed.
type revocations struct {
	unconfirmed, lost atomic.Int64

	mu        sync.Mutex
	confirmed []revokedToken
}

type revokedToken struct {
	token string
	at    time.Time
}

// keepRevoking revokes a token of a login of its own again and again, and presents one that was revoked
// before. A token whose revocation was answered with 200 is never accepted again.
func (s *soak) keepRevoking(t *testing.T, over <-chan struct{}) {
	app, refresh := s.NewApp(), ""
	for i := 0; sleep(over, revokeEvery); i++ {
		if refresh == "" || i%10 == 0 { // after 20 revoked tokens the login ends
			app = s.NewApp()
			refresh = s.loginForRefresh(t, app)
		}
		answered := s.refreshOnce(t, app, refresh)
		refresh = answered.Text("refresh_token")
		token := answered.Text("access_token")
		if token == "" {
			continue
		}
		if got := app.Post(t, "/revoke", url.Values{"token": {token}}); got.Status == http.StatusOK {
			s.revocations.mu.Lock()
			s.revocations.confirmed = append(s.revocations.confirmed, revokedToken{token, time.Now()})
			s.revocations.mu.Unlock()
		} else {
			s.revocations.unconfirmed.Add(1)
		}
		s.presentRevoked(t, i)
	}
}

// presentRevoked calls the upstream with some tokens that were revoked.
func (s *soak) presentRevoked(t *testing.T, pick int) {
	s.revocations.mu.Lock()
	all := s.revocations.confirmed
	s.revocations.mu.Unlock()
	for n := range 3 {
		if len(all) == 0 {
			return
		}
		v := all[(pick*7919+n*104729)%len(all)]
		if time.Since(v.at) < heard {
			continue
		}
		if got := s.NewApp().Call(t, "/api", v.token); got.Status == http.StatusOK {
			s.revocations.lost.Add(1)
			s.wronglyAdmitted.Add(1)
		}
	}
}

// findLostRevocations presents every token that was revoked to every replica.
func (s *soak) findLostRevocations(t *testing.T) {
	defer s.only.Store(0)
	for i := range s.replicas {
		s.use(i)
		for _, v := range s.revocations.confirmed {
			if got := s.NewApp().Call(t, "/api", v.token); got.Status != http.StatusUnauthorized {
				s.revocations.lost.Add(1)
			}
		}
	}
}

func (s *soak) failoverTable() string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "%-40s %v\n", what, value) }
	row("failovers of Redis", s.failovers.made.Load())
	row("the longest", s.failovers.longest.Round(time.Millisecond))
	row("requests refused during one", s.failovers.refused.Load())
	row("revocations confirmed", len(s.revocations.confirmed))
	row("revocations not confirmed", s.revocations.unconfirmed.Load())
	row("confirmed revocations lost", s.revocations.lost.Load())
	return b.String()
}
