package signicattest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// HTTPServer is a server of [Server.Handler] for a caller that serves and shuts down by itself: serve it on
// [Server.Listener].
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, lineKey{}, lineOf(c))
		},
	}
}

// Listener is l with TLS and HTTP/2 where [Config].TLS asks for them, and with connections that a [Fault] can silence
// or close.
func (s *Server) Listener(l net.Listener) net.Listener {
	lines := &lineListener{l}
	if !s.cfg.TLS {
		return lines
	}
	return tls.NewListener(lines, s.tlsConfig())
}

type lineListener struct{ net.Listener }

func (l *lineListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &line{Conn: c}, nil
}

// line is a connection that can go silent, as when a firewall forgets it: what arrives is dropped, what is sent gets
// lost, and neither end learns of it.
type line struct {
	net.Conn
	silent atomic.Bool
}

func (l *line) Read(b []byte) (int, error) {
	for {
		if n, err := l.Conn.Read(b); err != nil || !l.silent.Load() {
			return n, err
		}
	}
}

func (l *line) Write(b []byte) (int, error) {
	if l.silent.Load() {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// lineKey is the key of a request's *line in its context.
type lineKey struct{}

// lineOf is nil for a connection that [Server.Listener] did not accept.
func lineOf(c net.Conn) *line {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	l, _ := c.(*line)
	return l
}
