//go:build soak

package main

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// rotateKeysIn makes the next signing key take over after d. A key signs half an hour after it was made, so the
// replicas start with keys of that age.
func (s *soak) rotateKeysIn(t *testing.T, d time.Duration) {
	t.Helper()
	for i, r := range s.replicas {
		s.kill(i)
		<-r.exited
	}
	s.ageKeys(t, time.Now().Add(d))
	s.startReplicas(t)
}

// keepRestarting restarts one replica again and again: in turn as an operator does, which the balancer knows
// beforehand, and by a crash, which the balancer must detect.
func (s *soak) keepRestarting(t *testing.T, over <-chan struct{}) {
	r := s.replicas[restarted]
	for graceful := true; ; graceful = !graceful {
		select {
		case <-over:
			return
		case <-time.After(restartEvery):
		}
		if graceful {
			r.away.Store(true)
			_ = r.process.Process.Signal(syscall.SIGTERM)
		} else {
			s.kill(restarted)
		}
		<-r.exited
		r.away.Store(true)
		s.mustStart(t, restarted)
		r.away.Store(false)
		s.restarts.Add(1)
	}
}

// refreshCounts counts the results of refreshing.
type refreshCounts struct{ made, lost, late, thefts atomic.Int64 }

// lateRepeats is how often a login repeats a refresh after more than 30 s. The gateway allows three.
const lateRepeats = 2

// keepRefreshing is an app that refreshes its login continuously. Now and then it does not get the response,
// and sends the same refresh token again, most often soon.
func (s *soak) keepRefreshing(t *testing.T, over <-chan struct{}, random *rand.Rand) {
	app, refresh, late := s.NewApp(), "", 0
	for {
		if refresh == "" {
			app, late = s.NewApp(), 0
			refresh = s.loginForRefresh(t, app)
		}
		pause := 200*time.Millisecond + rand.N(800*time.Millisecond)
		answered := s.refreshOnce(t, app, refresh)
		if next := answered.Text("refresh_token"); next != "" && random.IntN(100) < 30 {
			s.refreshes.lost.Add(1)
			wait := time.Duration(random.IntN(5)) * time.Second
			if late < lateRepeats && random.IntN(100) < 10 {
				late++
				s.refreshes.late.Add(1)
				wait = 31*time.Second + rand.N(9*time.Second)
			}
			if !sleep(over, wait) {
				return
			}
			answered = s.refreshOnce(t, app, refresh)
			if got := answered.Text("refresh_token"); got != "" && got != next {
				s.wronglyRefused.Add(1)
				s.refuse("refresh: another successor")
			}
		}
		refresh = answered.Text("refresh_token")
		if access := answered.Text("access_token"); access != "" {
			s.keep(access)
		}
		if !sleep(over, pause) {
			return
		}
	}
}

// sleep returns false when the soak is over.
func sleep(over <-chan struct{}, d time.Duration) bool {
	select {
	case <-over:
		return false
	case <-time.After(d):
		return true
	}
}

// refreshOnce refreshes until the gateway answers. An honest app is never refused.
func (s *soak) refreshOnce(t *testing.T, app *logintest.App, refresh string) logintest.Answer {
	for {
		answer := app.Refresh(t, refresh)
		s.refreshes.made.Add(1)
		if answer.Status < 500 {
			if answer.Status != http.StatusOK {
				s.wronglyRefused.Add(1)
				s.refuse("refresh: " + answer.Text("error"))
			}
			return answer
		}
		<-time.After(200 * time.Millisecond)
	}
}

// loginForRefresh logs in, with as many attempts as it takes while Signicat fails.
func (s *soak) loginForRefresh(t *testing.T, app *logintest.App) (refresh string) {
	for {
		start := app.PostJSON(t, "/sessions", map[string]any{"code_challenge": app.Challenge()})
		if start.Status == http.StatusCreated {
			back, err := s.Signicat.Approve(start.Text("authorization_request_url"), "adult")
			if err != nil {
				t.Error(err)
				return ""
			}
			code, state := parts(back)
			if answer, _ := redeemedWithin(t, loginPatience, app, code, state); answer.Text("refresh_token") != "" {
				return answer.Text("refresh_token")
			}
		}
		<-time.After(time.Second)
	}
}

// steal uses a refresh token that is older than the parent of the newest one, so two clients must have it. The
// gateway refuses it, and from then on every token of its login.
func (s *soak) steal(t *testing.T) {
	app := s.NewApp()
	first := s.loginForRefresh(t, app)
	second := s.refreshOnce(t, app, first).Text("refresh_token")
	third := s.refreshOnce(t, app, second).Text("refresh_token")
	for _, token := range []string{first, third} {
		answer := app.Refresh(t, token)
		for answer.Status >= 500 {
			<-time.After(200 * time.Millisecond)
			answer = app.Refresh(t, token)
		}
		if answer.Status != http.StatusBadRequest {
			s.wronglyAdmitted.Add(1)
			s.refuse("stolen refresh token: admitted")
			return
		}
	}
	s.refreshes.thefts.Add(1)
}
