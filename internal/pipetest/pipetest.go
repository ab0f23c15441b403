// Package pipetest connects servers and clients with pipes, for testing/synctest: it advances its clock while
// they wait on a pipe, and would not on a socket.
package pipetest

import (
	"context"
	"net"
	"sync"
)

// Network is a listener with a dial function. Create it with [New].
type Network struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

// New returns a network. Close it like a listener.
func New() *Network {
	done := make(chan struct{})
	return &Network{conns: make(chan net.Conn), done: done, close: sync.OnceFunc(func() { close(done) })}
}

// Accept implements net.Listener.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Network) Close() error {
	n.close()
	return nil
}

// Addr implements net.Listener.
func (n *Network) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// Dial connects to the listener, whatever the address. It fits http.Transport.DialContext.
func (n *Network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n.conns <- there:
		return here, nil
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var _ net.Listener = (*Network)(nil)
