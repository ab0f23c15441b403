package signicat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// replies answers one read after the other, the last one for ever.
func replies(reads ...http.HandlerFunc) *server {
	s := &server{}
	s.session = func(w http.ResponseWriter, r *http.Request) {
		n := min(int(s.calls.Load()), len(reads)) - 1
		reads[n](w, r)
	}
	return s
}

func is(status string) http.HandlerFunc {
	return jsonBody(fmt.Sprintf(`{"id":%q,"accountId":"a-1","status":%q}`, sessionID, status))
}

func TestWaitForSession(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		server    *server
		want      signicat.Status // "" when no session comes back
		wantErr   error
		wantReads int32
	}{
		{"finished already", replies(is("SUCCESS")), signicat.StatusSuccess, nil, 1},
		{"finished later", replies(is("CREATED"), is("WAITING_FOR_USER"), is("SUCCESS")), signicat.StatusSuccess, nil, 3},
		{"aborted", replies(is("CREATED"), is("ABORT")), signicat.StatusAbort, nil, 2},
		{"an unknown status is waited on", replies(is("PONDERING"), is("ERROR")), signicat.StatusError, nil, 2},
		{"away, then back", replies(status(503), cut, is("SUCCESS")), signicat.StatusSuccess, nil, 3},
		{"rate limited, then not", replies(retry(429, "1"), is("SUCCESS")), signicat.StatusSuccess, nil, 2},
		{"lying, then not", replies(typed("text/html", "<html>"), is("SUCCESS")), signicat.StatusSuccess, nil, 2},
		{"unknown session", replies(is("CREATED"), status(404)), signicat.StatusCreated, signicat.ErrNotFound, 2},
		{"permission withdrawn", replies(status(403)), "", signicat.ErrForbidden, 1},
		{"request refused", replies(status(400)), "", signicat.ErrRejected, 1},
		{"credentials refused", replies(status(401)), "", signicat.ErrUnauthorized, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := newMemoryClient(t, test.server)
				session, err := client.WaitForSession(t.Context(), sessionID)
				if !errors.Is(err, test.wantErr) {
					t.Errorf("got %v, want %v", err, test.wantErr)
				}
				if got := statusOf(session); got != test.want {
					t.Errorf("status %q, want %q", got, test.want)
				}
				if got := test.server.calls.Load(); got != test.wantReads {
					t.Errorf("%d reads, want %d", got, test.wantReads)
				}
			})
		})
	}
}

func TestWaitRefusesAnIDThatIsNone(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, &server{})
	if _, err := client.WaitForSession(t.Context(), ".."); !errors.Is(err, signicat.ErrSessionID) {
		t.Errorf("got %v, want %v", err, signicat.ErrSessionID)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, test := range []struct {
		name            string
		server          *server
		want            signicat.Status
		wantUnavailable bool // the error is [ErrUnavailable] too
	}{
		{"while the person takes their time", replies(is("CREATED"), is("WAITING_FOR_USER")), signicat.StatusWaitingForUser, false},
		{"in the middle of a read", replies(is("CREATED"), hang), signicat.StatusCreated, false},
		{"in the middle of the first read", replies(hang), "", false},
		{"while Signicat is unavailable", replies(is("CREATED"), status(503)), signicat.StatusCreated, true},
		{"while Signicat was always away", replies(status(503)), "", true},
		{"while Signicat wants a longer pause", replies(retry(503, "3600")), "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, _ := newMemoryClient(t, test.server)
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				defer cancel()
				began := time.Now()
				session, err := client.WaitForSession(ctx, sessionID)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, signicat.ErrUnavailable) != test.wantUnavailable {
					t.Errorf("got %v; away: want %t", err, test.wantUnavailable)
				}
				if got := statusOf(session); got != test.want {
					t.Errorf("status %q, want %q", got, test.want)
				}
				if took := time.Since(began); took != 9*time.Second {
					t.Errorf("took %v, want the context's 9s", took)
				}
			})
		})
	}
}

func TestWaitReadsEveryOneToThreeSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads []time.Time
		s := &server{session: func(w http.ResponseWriter, r *http.Request) {
			reads = append(reads, time.Now())
			is("CREATED")(w, r)
		}}
		client, _ := newMemoryClient(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		began := time.Now()
		client.WaitForSession(ctx, sessionID)
		if reads[0] != began {
			t.Error("the first read was not at once")
		}
		different := map[time.Duration]bool{}
		for n := range len(reads) - 1 {
			gap := reads[n+1].Sub(reads[n])
			different[gap] = true
			if gap < time.Second || gap >= 3*time.Second {
				t.Errorf("%v between two reads", gap)
			}
		}
		if len(different) < 10 {
			t.Errorf("%d different gaps in %d reads: no jitter", len(different), len(reads))
		}
	})
}

func TestWaitHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := newMemoryClient(t, replies(retry(429, "20"), is("SUCCESS")))
		began := time.Now()
		if _, err := client.WaitForSession(t.Context(), sessionID); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("read again after %v, want 20s", took)
		}
	})
}

// A session lasts 1200 s, an access token 600 s: a long wait needs a second one on the way.
func TestWaitOutlivesAccessToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := replies(is("CREATED"))
		client, _ := newMemoryClient(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		client.WaitForSession(ctx, sessionID)
		if got := s.tokens.Load(); got != 3 {
			t.Errorf("%d access token requests in 20 minutes, want 3", got)
		}
	})
}

func statusOf(s *signicat.Session) signicat.Status {
	if s == nil {
		return ""
	}
	return s.Status
}
