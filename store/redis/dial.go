package redis

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// pingInterval is how often a connection on which nothing comes back is asked for a
// sign of life. Without one within a call's time it is given up and made anew.
const pingInterval = time.Second

// connBuffer is the size of a connection's buffers, in bytes: a few records.
const connBuffer = 64 << 10

// redial counts the attempts that failed one after another.
type redial int

// pause returns how long to wait before Redis is asked again: 50 ms after the first failure, twice as long
// after each further one, and at most 1 s.
func (r *redial) pause() time.Duration {
	const first, longest = 50 * time.Millisecond, time.Second
	pause := first << min(*r, 5)
	*r++
	return min(pause, longest)
}

// leaveInterval is how long connections live at least that were made after others were left.
const leaveInterval = 200 * time.Millisecond

const (
	// waitingConns bounds the calls that wait for the standbys of one server at one time; more wait for their turn.
	waitingConns = 128
	// waitingIdle is how long their connections stay when they have nothing to do.
	waitingIdle = 10 * time.Second
)

// connectionName is how CLIENT LIST shows the connections.
const connectionName = "caddy-itsme"

// connect makes the client, which afterwards connects anew by itself. A server that
// is no node of a Cluster says so, and is used as the single one that it is.
func (c *connection) connect() error {
	if c.client.Load() != nil {
		return nil
	}
	client, err := newClient(c)
	if err != nil {
		return c.unavailable(c.alive, "connecting to Redis", err)
	}
	c.client.Store(&client)
	return nil
}

// findPrimary asks the Sentinels anew, when nothing answers. The client follows their messages, but misses one
// that is sent while it has no connection to a Sentinel.
func (c *connection) findPrimary() {
	if c.config.Sentinel == nil || c.client.Load() == nil {
		return
	}
	client, err := newClient(c)
	if err != nil {
		return // the next failed attempt asks again
	}
	(*c.client.Swap(&client)).Close()
}

// newClient makes a client, which connects anew by itself.
func newClient(c *connection) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: c.config.Addresses,
		Sentinel:    c.sentinel(),
		Username:    c.config.Username,
		Password:    c.config.Password,
		SelectDB:    c.config.Database,
		TLSConfig:   c.config.TLS,
		ClientName:  connectionName,

		DialCtxFn: func(_ context.Context, address string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return c.dialer.dial(address)
		},
		Dialer:              net.Dialer{Timeout: c.config.Timeout, KeepAlive: pingInterval},
		ConnWriteTimeout:    c.config.Timeout,
		ReadBufferEachConn:  connBuffer,
		WriteBufferEachConn: connBuffer,

		// One connection a server carries everything, and a call that is given up
		// neither closes it nor waits for its answer.
		PipelineMultiplex: -1,
		AlwaysPipelining:  true,
		// Calls that wait for standbys take a connection each. Those that a burst needed go afterwards.
		BlockingPoolSize:    waitingConns,
		BlockingPoolCleanup: waitingIdle,
		BlockingPoolMinSize: 1,
		// A call fails once and soon. The caller decides whether to try again.
		DisableRetry: true,
		// The copy of the revocations is our own.
		DisableCache: true,
	})
}

// sentinel returns how the client finds the primary. It sets no TopologyRefreshInterval: with it, rueidis
// v1.0.79 leaves a goroutine behind at each refresh.
func (c *connection) sentinel() rueidis.SentinelOption {
	if c.config.Sentinel == nil {
		return rueidis.SentinelOption{}
	}
	return rueidis.SentinelOption{
		MasterSet:  c.config.Sentinel.Master,
		Username:   c.config.Sentinel.Username,
		Password:   c.config.Sentinel.Password,
		ClientName: connectionName,
		Dialer:     net.Dialer{Timeout: c.config.Timeout, KeepAlive: pingInterval},
	}
}

// dialer makes the connections to Redis and knows which are open, so that closing the
// store leaves none behind: the client closes those to a Cluster in its own time.
type dialer struct {
	alive   context.Context // ends with the store
	timeout time.Duration
	tls     *tls.Config // nil in the clear

	count atomic.Int64 // how many connections were made

	mu     sync.Mutex
	closed bool
	left   time.Time // when leave closed connections
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
	d.count.Add(1)
	return counted, nil
}

func (d *dialer) connect(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.alive, d.timeout)
	defer cancel()
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	if d.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{Config: d.tls}).DialContext(ctx, "tcp", address)
}

// leave closes what is open. The client connects anew for the next command, and resolves names again. Many
// commands may find the same reason to leave at once, so that it does nothing for a while afterwards.
func (d *dialer) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.left) < leaveInterval {
		return
	}
	d.left = time.Now()
	for open := range d.open {
		_ = open.Conn.Close()
	}
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
