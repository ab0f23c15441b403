package signicattest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// HTTPServer returns an http.Server of [Server.Handler], for a caller that serves and shuts down itself. Serve it on
// [Server.Listener].
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, lineKey{}, lineOf(c))
		},
	}
}

// Listener returns l with connections that a [Fault] can silence or close, and with TLS and HTTP/2 when [Config].TLS is
// set.
func (s *Server) Listener(l net.Listener) net.Listener {
	lines := &lineListener{l}
	if !s.cfg.TLS {
		return lines
	}
	return tls.NewListener(lines, &tls.Config{Certificates: []tls.Certificate{*s.certificate}, NextProtos: []string{"h2", "http/1.1"}})
}

type lineListener struct{ net.Listener }

func (l *lineListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &line{Conn: c}, nil
}

// line is a connection that can go silent, as when a firewall forgets it: bytes in both directions are lost, and neither
// end notices.
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

// lineOf returns nil for a connection that [Server.Listener] did not accept.
func lineOf(c net.Conn) *line {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	l, _ := c.(*line)
	return l
}
