package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// conns makes the connections to Redis and knows which are open, so that closing the
// store leaves none behind: the client closes those to a Cluster in its own time.
type conns struct {
	alive   context.Context // ends with the store
	timeout time.Duration
	tls     *tls.Config // nil in the clear

	mu     sync.Mutex
	closed bool
	open   map[*conn]struct{}
}

func newConns(alive context.Context, c Config) *conns {
	return &conns{alive: alive, timeout: c.Timeout, tls: c.TLS, open: make(map[*conn]struct{})}
}

// conn is a connection that tells when it is closed.
type conn struct {
	net.Conn
	of *conns
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// dial makes a connection. Who needs it first must not take it away from the others
// by hanging up, so its context is the store's.
func (c *conns) dial(address string) (net.Conn, error) {
	made, err := c.connect(address)
	if err != nil {
		return nil, err
	}
	counted := &conn{Conn: made, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = made.Close()
		return nil, net.ErrClosed
	}
	c.open[counted] = struct{}{}
	return counted, nil
}

func (c *conns) connect(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(c.alive, c.timeout)
	defer cancel()
	if c.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{Config: c.tls}).DialContext(ctx, "tcp", address)
}

// close closes what is open and refuses to make more.
func (c *conns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for open := range c.open {
		_ = open.Conn.Close()
	}
	clear(c.open)
}
