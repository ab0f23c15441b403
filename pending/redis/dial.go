package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// dialer makes the connections to Redis and knows which are open, so that closing the
// store leaves none behind: the client closes those to a Cluster in its own time.
type dialer struct {
	alive   context.Context // ends with the store
	timeout time.Duration
	tls     *tls.Config // nil in the clear

	mu     sync.Mutex
	closed bool
	open   map[*conn]struct{}
}

func newDialer(alive context.Context, c Config) *dialer {
	return &dialer{alive: alive, timeout: c.Timeout, tls: c.TLS, open: make(map[*conn]struct{})}
}

// conn is a connection that leaves the open ones when it is closed.
type conn struct {
	net.Conn
	of *dialer
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// dial makes a connection. Its context is the store's: all calls share the connection, and the
// caller that needs it first may hang up.
func (d *dialer) dial(address string) (net.Conn, error) {
	made, err := d.connect(address)
	if err != nil {
		return nil, err
	}
	counted := &conn{Conn: made, of: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		_ = made.Close()
		return nil, net.ErrClosed
	}
	d.open[counted] = struct{}{}
	return counted, nil
}

func (d *dialer) connect(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.alive, d.timeout)
	defer cancel()
	if d.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{Config: d.tls}).DialContext(ctx, "tcp", address)
}

// close closes what is open and refuses to make more.
func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for open := range d.open {
		_ = open.Conn.Close()
	}
	clear(d.open)
}
