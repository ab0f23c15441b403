package signicat_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// http2Env holds a client and a simulator in testing/synctest, with TLS and HTTP/2 between them.
type http2Env struct {
	*signicat.Client
	sim     *signicattest.Server
	dialled atomic.Int32
	open    atomic.Int32 // connections that the client has not closed
}

func openHTTP2(t *testing.T, change ...func(*signicat.Config)) *http2Env {
	t.Helper()
	network := pipetest.New()
	sim, err := signicattest.StartOn(network, signicattest.Config{TLS: true, BaseURL: "https://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	w := &http2Env{sim: sim}
	w.Client = connect(t, sim.URL, append([]func(*signicat.Config){func(config *signicat.Config) {
		config.ClientID, config.ClientSecret = signicattest.DefaultClientID, signicattest.DefaultClientSecret
		config.RootCAs = sim.RootCAs()
		config.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := network.Dial(ctx, "", "")
			if err != nil {
				return nil, err
			}
			w.dialled.Add(1)
			w.open.Add(1)
			return &countedConn{Conn: conn, open: &w.open}, nil
		}
	}}, change...)...)
	return w
}

// countedConn notes its end.
type countedConn struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// script makes calls of the simulator fail.
func (w *http2Env) script(t *testing.T, faults ...signicattest.Fault) {
	t.Helper()
	if err := w.sim.Script(faults...); err != nil {
		t.Fatal(err)
	}
}

// read reads a session that does not exist: an answer is ErrNotFound.
func (w *http2Env) read(ctx context.Context) error {
	_, err := w.Session(ctx, sessionID)
	if errors.Is(err, signicat.ErrNotFound) {
		return nil
	}
	return err
}

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

// TestSilenceFailsOneCall lets the connection go silent under a call, as when a firewall forgets the flow. That call
// fails, after half of the timeout at most; the next one finds another connection.
func TestSilenceFailsOneCall(t *testing.T) {
	t.Parallel()
	for _, operation := range operations() {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := openHTTP2(t)
				if err := w.read(t.Context()); err != nil {
					t.Fatal(err)
				}
				if operation.name == signicat.OperationAccessToken {
					pass(signicattest.DefaultAccessTokenLifetime)
				}
				w.script(t, signicattest.Fault{Operation: operation.name, Call: 1, Cut: signicattest.CutSilence, After: after})
				began := time.Now()
				err := operation.call(t.Context(), w.Client, w.sim.URL)
				wantOutcome(t, err, operation.name, outcome{want: signicat.ErrUnavailable})
				if took := time.Since(began); took > signicat.DefaultTimeout/2 {
					t.Errorf("%s: the call took %v", operation.name, took)
				}
				if err := w.read(t.Context()); err != nil {
					t.Errorf("%s: the next call: %v", operation.name, err)
				}
			})
		}
	}
}

// TestSilenceBetweenCallsFailsNone: a PING finds out before the next call does.
func TestSilenceBetweenCallsFailsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openHTTP2(t)
		if err := w.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.script(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Call: 1, Cut: signicattest.CutSilence})
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() { given <- w.read(ctx) }()
		synctest.Wait()
		cancel() // that the caller goes away says nothing about the connection
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("the call that was given up: %v", err)
		}
		pass(signicat.DefaultTimeout/2 + time.Millisecond)
		if err := w.read(t.Context()); err != nil {
			t.Errorf("the next call: %v", err)
		}
	})
}

// TestTimedOutCallLeavesItsConnection is of a server that answers PINGs, and calls no more. The next call takes another
// connection; what the first one still answers is not lost.
func TestTimedOutCallLeavesItsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openHTTP2(t)
		if err := w.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.script(t,
			signicattest.Fault{Operation: signicattest.OperationReadSession, Call: 1, Delay: time.Hour},
			signicattest.Fault{Operation: signicattest.OperationReadSession, Call: 2, Delay: 9 * time.Second})
		hanging, slow := make(chan error, 1), make(chan error, 1)
		go func() { hanging <- w.read(t.Context()) }()
		pass(5 * time.Second)
		go func() { slow <- w.read(t.Context()) }()
		if err := <-hanging; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the call that hangs: %v", err)
		}
		for range 3 {
			if err := w.read(t.Context()); err != nil {
				t.Errorf("the next call: %v", err)
			}
		}
		if n := w.dialled.Load(); n != 2 {
			t.Errorf("%d connections, want a second one for what comes after the timeout", n)
		}
		if err := <-slow; err != nil {
			t.Errorf("the slow call on the connection that was left: %v", err)
		}
		synctest.Wait()
		if n := w.open.Load(); n != 1 {
			t.Errorf("%d connections are open after the last call on the one that was left", n)
		}
	})
}

// TestAnsweringConnectionIsKept: of two calls one hangs, as it does when Signicat is slow at one thing.
func TestAnsweringConnectionIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openHTTP2(t)
		if err := w.CheckCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.script(t, signicattest.Fault{Operation: signicattest.OperationCreateSession, Delay: time.Hour})
		hanging := make(chan error, 1)
		go func() {
			_, err := w.CreateSession(t.Context(), signicat.SessionRequest{})
			hanging <- err
		}()
		pass(time.Second)
		if err := w.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-hanging; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := w.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.dialled.Load(); n != 1 {
			t.Errorf("%d connections, want one that goes on", n)
		}
	})
}

// TestTimeoutsLeakNoConnection times out a hundred calls, ten at a time, while others are answered. Goroutines that stay
// would keep synctest from ending.
func TestTimeoutsLeakNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openHTTP2(t)
		if err := w.CheckCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.script(t, signicattest.Fault{Operation: signicattest.OperationReadSession, Delay: time.Hour})
		for range 10 {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { _ = w.read(t.Context()) })
			}
			all.Wait()
			synctest.Wait()
			if n := w.open.Load(); n > 4 {
				t.Errorf("%d connections are open, and idle ones end after 30 s: want 4 at most with a timeout every 10 s", n)
			}
		}
		w.sim.ClearScript()
		if err := w.read(t.Context()); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		if n := w.open.Load(); n != 0 {
			t.Errorf("%d connections are open after a minute without a call", n)
		}
	})
}

// TestManyCallsAtOnceLeaveRoom: each of many first calls dials, and all but one of the connections are not needed.
// They must not count as used for ever, or MaxConnsPerHost stops every call.
func TestManyCallsAtOnceLeaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openHTTP2(t)
		if err := w.CheckCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		for round := range 4 {
			w.script(t, signicattest.Fault{Operation: signicattest.OperationCancelSession, Call: 1, Cut: signicattest.CutConnection})
			_, _ = w.CancelSession(t.Context(), sessionID) // the connection ends
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if err := w.read(t.Context()); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				})
			}
			all.Wait()
		}
		pass(time.Minute)
		if n := w.open.Load(); n != 0 {
			t.Errorf("%d connections are open after a minute without a call", n)
		}
	})
}
