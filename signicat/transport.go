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

// idleTimeout is shorter than load balancers keep connections. net/http does not repeat a POST whose
// connection the load balancer closes, and its answer would be lost.
const idleTimeout = 30 * time.Second

// pingShare of Config.Timeout passes before a quiet HTTP/2 connection is sent a PING, and as much
// again before a connection that does not answer it is closed. One connection carries every call: if
// it goes silent, as when a firewall forgets it, only the calls that wait on it fail.
const pingShare = 4

// newTransport returns a transport with bounds that one API host needs: answers of Signicat have
// small headers, and a dial that outlives its call must end by itself.
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

// newDialer tries IPv4 beside an IPv6 address that does not answer (RFC 8305), as net.Dialer does by
// default.
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

// connection counts the answers that came over it.
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

// transports replaces the transport after a call that timed out on a connection that answered
// nothing meanwhile: no later call gets that connection. Calls under way keep the transport that they
// began with, since another answer on the same connection may still come. A transport that was
// replaced closes its connections as they fall idle, at the latest after idleTimeout.
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

// replace puts another transport in the place of used, unless that was done already.
func (t *transports) replace(used *http.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == used {
		t.current = t.renew()
	}
}
