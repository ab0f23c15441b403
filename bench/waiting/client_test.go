package waiting_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
)

// TestClientKeepsItsConnection sends two requests, with and without a body.
func TestClientKeepsItsConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.RemoteAddr+" "+r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Test")+" "+string(body))
	}))
	defer server.Close()
	c, err := waiting.Dial(t.Context(), server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var from [2]string
	for i, row := range []struct{ method, path, header, body, want string }{
		{"POST", "/a", "X-Test: yes\r\n", "posted", "POST /a yes posted"},
		{"GET", "/b", "", "", "GET /b  "},
	} {
		status, answer, err := c.Do(row.method, row.path, row.header, row.body)
		if err != nil {
			t.Fatal(err)
		}
		address, got, _ := strings.Cut(string(answer), " ")
		if status != http.StatusTeapot || got != row.want {
			t.Errorf("%d %q, want %q", status, got, row.want)
		}
		from[i] = address
	}
	if from[0] != from[1] {
		t.Errorf("two connections: %s and %s", from[0], from[1])
	}
}

func TestSteadily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
		defer cancel()
		var calls [4]atomic.Int64
		var latencies waiting.Latencies
		failure := errors.New("enough")
		err := waiting.Steadily(ctx, len(calls), time.Second, &latencies, func(client int) error {
			if calls[client].Add(1) == 3 && client == 2 {
				return failure
			}
			<-time.After(100 * time.Millisecond)
			return nil
		})
		if !errors.Is(err, failure) {
			t.Errorf("error %v, want that of the client that failed", err)
		}
		for i, want := range []int64{10, 10, 3, 10} {
			if got := calls[i].Load(); got != want {
				t.Errorf("client %d called %d times, want %d", i, got, want)
			}
		}
		if latencies.Len() != 32 || latencies.Quantile(1) != 100*time.Millisecond {
			t.Errorf("%d latencies, the longest %s", latencies.Len(), latencies.Quantile(1))
		}
	})
}

// TestSteadilyEnds: a client that is late does not go on when the time is over.
func TestSteadilyEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var latencies waiting.Latencies
		err := waiting.Steadily(ctx, 50, time.Second, &latencies, func(int) error {
			<-time.After(4 * time.Second)
			return nil
		})
		if err != nil || latencies.Len() != 150 {
			t.Errorf("%d calls, %v, want three of each client", latencies.Len(), err)
		}
	})
}
