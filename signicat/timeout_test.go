package signicat_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"before the headers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"in the body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
	} {
		for _, operation := range operations() {
			t.Run(test.name+"/"+operation.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := everywhere(test.answer)
					if operation.name == signicat.OperationAccessToken {
						s.accessToken = test.answer
					}
					client, url := newMemoryClient(t, s)
					began := time.Now()
					err := operation.call(t.Context(), client, url)
					wantOutcome(t, err, operation.name, outcome{want: signicat.ErrUnavailable})
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v does not show that it was a timeout", err)
					}
					if took := time.Since(began); took != signicat.DefaultTimeout {
						t.Errorf("took %v, want %v", took, signicat.DefaultTimeout)
					}
				})
			})
		}
	}
}

func TestCallerEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, operation := range operations() {
		t.Run(operation.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			answer := func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			}
			s := everywhere(answer)
			if operation.name == signicat.OperationAccessToken {
				s.accessToken = answer
			}
			client, url := newClient(t, s)
			err := operation.call(ctx, client, url)
			wantOutcome(t, err, operation.name, outcome{want: signicat.ErrUnavailable})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not show that the caller ended it", err)
			}
		})
	}
}

func TestNoRoute(t *testing.T) {
	t.Parallel()
	refused := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client := connect(t, "http://localhost", func(config *signicat.Config) {
		config.Transport = &http.Transport{DialContext: refused}
	})
	for _, operation := range operations() {
		err := operation.call(t.Context(), client, "http://localhost")
		if !errors.Is(err, signicat.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: got %v, want one that names the refused connection", operation.name, err)
		}
	}
}
