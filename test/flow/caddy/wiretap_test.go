package caddy_test

import (
	"bytes"
	"net"
	"regexp"
	"sync"
)

// wiretap is a listener that keeps every byte that clients send.
type wiretap struct {
	net.Listener
	mu  sync.Mutex
	all bytes.Buffer
}

// Accept implements net.Listener.
func (w *wiretap) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return &tapped{Conn: c, to: w}, err
}

func (w *wiretap) sent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// tapped is a connection of a wiretap.
type tapped struct {
	net.Conn
	to *wiretap
}

// Read implements net.Conn.
func (c *tapped) Read(b []byte) (int, error) {
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

// contextHeaders are the header lines of raw requests by which a trace is passed on.
func contextHeaders(raw string) []string { return traceHeader.FindAllString(raw, -1) }

// secrets are Signicat's access token and the ids of its sessions.
func (w *wiretap) secrets() (all []string) {
	for _, pattern := range []*regexp.Regexp{sentToken, sentSession} {
		for _, found := range pattern.FindAllStringSubmatch(w.sent(), -1) {
			all = append(all, found[1])
		}
	}
	return all
}
