package caddy_test

import (
	"bytes"
	"net"
	"regexp"
	"sync"
)

// wireCapture is a listener that keeps every byte that clients send.
type wireCapture struct {
	net.Listener
	mu  sync.Mutex
	all bytes.Buffer
}

// Accept implements net.Listener.
func (w *wireCapture) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return &capturedConn{Conn: c, to: w}, err
}

func (w *wireCapture) sent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// capturedConn is a connection of a wireCapture.
type capturedConn struct {
	net.Conn
	to *wireCapture
}

// Read implements net.Conn.
func (c *capturedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.to.mu.Lock()
	c.to.all.Write(b[:n])
	c.to.mu.Unlock()
	return n, err
}

var (
	traceHeader = regexp.MustCompile(`(?mi)^(traceparent|tracestate|baggage|b3|x-b3-\w+|uber-trace-id|x-amzn-trace-id): [^\r]*`)
	sentToken   = regexp.MustCompile(`Authorization: Bearer (\S+)`)
	sentSession = regexp.MustCompile(`/auth/rest/sessions/([^/?\s]+)`)
)

// contextHeaders returns the header lines of raw requests that pass a trace on.
func contextHeaders(raw string) []string { return traceHeader.FindAllString(raw, -1) }

// secrets returns Signicat's access tokens and the IDs of its sessions.
func (w *wireCapture) secrets() (all []string) {
	for _, pattern := range []*regexp.Regexp{sentToken, sentSession} {
		for _, found := range pattern.FindAllStringSubmatch(w.sent(), -1) {
			all = append(all, found[1])
		}
	}
	return all
}
