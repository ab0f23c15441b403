package signicattest_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// memory is a network of pipes, for tests in a bubble of testing/synctest.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return address("memory") }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case m.conns <- there:
		return here, nil
	case <-m.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type address string

func (a address) Network() string { return string(a) }
func (a address) String() string  { return string(a) }

// startInMemory is start without a network. The transport's idle connections must be closed before the bubble ends.
func startInMemory(t *testing.T) (*client, *http.Transport) {
	t.Helper()
	return startInMemoryAs(t, signicattest.Config{})
}

func startInMemoryAs(t *testing.T, cfg signicattest.Config) (*client, *http.Transport) {
	t.Helper()
	m := newMemory()
	sim, err := signicattest.StartOn(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	transport := trusting(sim)
	transport.DialContext = m.dial
	c := &client{t: t, sim: sim, http: &http.Client{Transport: transport}}
	c.authenticate(signicattest.DefaultClientID, signicattest.DefaultClientSecret)
	return c, transport
}
