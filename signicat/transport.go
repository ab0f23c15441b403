package signicat

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

// idleTimeout is shorter than the idle timeouts of load balancers. net/http does not repeat a POST on a
// connection that the load balancer closes, and its answer would be lost.
const idleTimeout = 30 * time.Second

// pingShare divides Config.Timeout. The transport sends a PING after that time on a quiet HTTP/2
// connection, and closes the connection after that time without an answer. One connection carries every
// call: when it goes silent, as when a firewall forgets it, only the calls that wait on it fail.
const pingShare = 4

// newTransport returns a transport with the bounds of one API host: answers have small headers, and a
// dial ends even after the end of its call.
func newTransport(config Config) *http.Transport {
	ping := config.Timeout / pingShare
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            trackedDial(config),
		TLSClientConfig:        &tls.Config{RootCAs: config.RootCAs},
		TLSHandshakeTimeout:    config.Timeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: ping, PingTimeout: ping},
		MaxConnsPerHost:        256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// newDialer returns a dialer that tries IPv4 too when an IPv6 address does not answer (RFC 8305), as
// net.Dialer does by default.
func newDialer(timeout time.Duration) *net.Dialer { return &net.Dialer{Timeout: timeout} }

func trackedDial(config Config) func(context.Context, string, string) (net.Conn, error) {
	dial := config.DialContext
	if dial == nil {
		dial = loopback.Dialer(newDialer(config.Timeout))
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &connection{Conn: conn}, nil
	}
}

// connection counts its answers.
type connection struct {
	net.Conn
	answers atomic.Uint64
}

// connectionOf returns the connection below TLS, or nil.
func connectionOf(conn net.Conn) *connection {
	for {
		switch c := conn.(type) {
		case *connection:
			return c
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// transports replaces the transport after a call that timed out on a connection without any answer
// meanwhile: no later call gets that connection. Running calls keep their transport, because their
// answers may still come. A replaced transport closes its connections when they are idle, at the latest
// after idleTimeout.
type transports struct {
	renew func() *http.Transport

	mu      sync.Mutex
	current *http.Transport
}

func newTransports(config Config) *transports {
	renew := func() *http.Transport { return newTransport(config) }
	return &transports{renew: renew, current: renew()}
}

func (t *transports) use() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

// replace makes a new transport current, unless used is no longer the current one.
func (t *transports) replace(used *http.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == used {
		t.current = t.renew()
	}
}
