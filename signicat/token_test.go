package signicat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestHundredCallersShareOneTokenRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		release := make(chan struct{})
		s.accessToken = func(w http.ResponseWriter, _ *http.Request) {
			<-release
			answerToken(w, `{"access_token":"shared","token_type":"bearer","expires_in":600}`)
		}
		client, _ := newMemoryClient(t, s)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if _, err := client.Session(t.Context(), sessionID); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		callers.Wait()
		if s.tokens.Load() != 1 || s.calls.Load() != 100 {
			t.Errorf("%d access token requests for %d calls, want 1 for 100", s.tokens.Load(), s.calls.Load())
		}
	})
}

func TestHundredCallersReplaceOneRefusedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.session = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("Authorization"), tokenPrefix+"1") {
				w.WriteHeader(401)
				return
			}
			answerSession(w, r)
		}
		client, _ := newMemoryClient(t, s)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if _, err := client.Session(t.Context(), sessionID); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if s.tokens.Load() != 2 {
			t.Errorf("%d access token requests, want 2", s.tokens.Load())
		}
	})
}

func TestWaiterLeavesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		release := make(chan struct{})
		s.accessToken = func(w http.ResponseWriter, _ *http.Request) {
			<-release
			answerToken(w, `{"access_token":"shared","token_type":"bearer","expires_in":600}`)
		}
		client, _ := newMemoryClient(t, s)
		impatient, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			err := client.CheckCredentials(impatient)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, signicat.ErrUnavailable) {
				t.Errorf("the one who left got %v", err)
			}
		})
		synctest.Wait() // the impatient one has started the request
		callers.Go(func() {
			if err := client.CheckCredentials(t.Context()); err != nil {
				t.Errorf("the one who stayed got %v", err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		close(release)
		callers.Wait()
		if s.tokens.Load() != 1 {
			t.Errorf("%d access token requests, want 1", s.tokens.Load())
		}
	})
}

// TestTokenLife reads what a call at a time after the first one costs in access token requests.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		expiresIn string
		later     time.Duration
		want      int32
	}{
		{"600 s, used before the renewal is due", `"expires_in":600`, 540*time.Second - 1, 1},
		{"600 s, renewed a minute early", `"expires_in":600`, 540 * time.Second, 2},
		{"600 s, expired", `"expires_in":600`, 600 * time.Second, 2},
		{"a short life, before its last tenth", `"expires_in":10`, 9*time.Second - 1, 1},
		{"a short life, in its last tenth", `"expires_in":10`, 9 * time.Second, 2},
		{"a string", `"expires_in":"600"`, 540*time.Second - 1, 1},
		{"a fraction", `"expires_in":599.9`, 539 * time.Second, 1},
		{"missing: short", `"scope":"signicat-api"`, 54 * time.Second, 2},
		{"missing: not asked for every time", `"scope":"signicat-api"`, 54*time.Second - 1, 1},
		{"null", `"expires_in":null`, 54*time.Second - 1, 1},
		{"zero", `"expires_in":0`, 54*time.Second - 1, 1},
		{"negative", `"expires_in":-5`, 54 * time.Second, 2},
		{"a century is cut to an hour", `"expires_in":3153600000`, 59 * time.Minute, 2},
		{"1e300 is cut to an hour", `"expires_in":1e300`, 59*time.Minute - 1, 1},
		{"1e999 is cut to an hour", `"expires_in":1e999`, 59 * time.Minute, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{accessToken: func(w http.ResponseWriter, _ *http.Request) {
					answerToken(w, `{"access_token":"a","token_type":"BEARER",`+test.expiresIn+`}`)
				}}
				client, _ := newMemoryClient(t, s)
				for range 3 {
					mustRead(t, client)
				}
				<-time.After(test.later)
				mustRead(t, client)
				synctest.Wait() // an early renewal goes on beside the call
				if got := s.tokens.Load(); got != test.want {
					t.Errorf("%d access token requests, want %d", got, test.want)
				}
			})
		})
	}
}

func TestCallsDoNotWaitForEarlyRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		hang := make(chan struct{})
		s.accessToken = func(w http.ResponseWriter, _ *http.Request) {
			if s.tokens.Load() > 1 {
				<-hang
			}
			answerToken(w, fmt.Sprintf(`{"access_token":"token-%d","token_type":"bearer","expires_in":600}`, s.tokens.Load()))
		}
		var used []string
		s.session = func(w http.ResponseWriter, r *http.Request) {
			used = append(used, r.Header.Get("Authorization"))
			answerSession(w, r)
		}
		client, _ := newMemoryClient(t, s)
		mustRead(t, client)
		<-time.After(545 * time.Second)
		mustRead(t, client)
		mustRead(t, client)
		close(hang)
		synctest.Wait()
		mustRead(t, client)
		want := "Bearer token-1 Bearer token-1 Bearer token-1 Bearer token-2"
		if got := strings.Join(used, " "); got != want || s.tokens.Load() != 2 {
			t.Errorf("%d access token requests; used %s, want %s", s.tokens.Load(), got, want)
		}
	})
}

func TestFailedEarlyRenewalFailsNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.accessToken = func(w http.ResponseWriter, _ *http.Request) {
			if s.tokens.Load() > 1 {
				w.WriteHeader(503)
				return
			}
			answerToken(w, `{"access_token":"a","token_type":"bearer","expires_in":600}`)
		}
		client, _ := newMemoryClient(t, s)
		mustRead(t, client)
		<-time.After(540 * time.Second)
		for range 60 { // one call a second, until the token expires
			mustRead(t, client)
			<-time.After(time.Second)
		}
		if got := s.tokens.Load(); got != 1+12 {
			t.Errorf("%d access token requests, want one and then one every 5 s", got)
		}
		if _, err := client.Session(t.Context(), sessionID); !errors.Is(err, signicat.ErrUnavailable) {
			t.Errorf("with an expired token: got %v, want %v", err, signicat.ErrUnavailable)
		}
	})
}

func TestCloseEndsRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.accessToken = func(w http.ResponseWriter, r *http.Request) {
			if s.tokens.Load() > 1 {
				<-r.Context().Done()
				return
			}
			answerToken(w, `{"access_token":"a","token_type":"bearer","expires_in":600}`)
		}
		client, _ := newMemoryClient(t, s)
		mustRead(t, client)
		<-time.After(550 * time.Second)
		mustRead(t, client)
		synctest.Wait()
		began := time.Now()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("closing took %v", took)
		}
	})
}

func mustRead(t *testing.T, client *signicat.Client) {
	t.Helper()
	if _, err := client.Session(t.Context(), sessionID); err != nil {
		t.Error(err)
	}
}
