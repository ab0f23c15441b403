// Package rawhttptest sends HTTP byte for byte, as attackers do, and records what an upstream receives byte
// for byte. Go's client would correct such requests, and Go's server would normalise them.
//
//	upstream := rawhttptest.NewUpstream(t)
//	answer := rawhttptest.Do(t, addr, "GET / HTTP/1.1\r\nHost: a.example\r\nX_User: x\r\n\r\n")
//	for _, request := range upstream.Take() { … }
//
// [Do] and [Conn] speak HTTP/1.1 in bytes, [H2] speaks HTTP/2 in fields, both without TLS.
package rawhttptest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds a connection: a server that does not answer fails the test.
const patience = 30 * time.Second

// Answer is a response that was read to its end.
type Answer struct {
	// Status is 0 when the server ended the connection or the stream without a response.
	Status int
	Header http.Header
	Body   string
	// Raw holds the response as it came over the wire. It is empty over HTTP/2.
	Raw string
}

// Do writes one request to a server and reads its answer.
func Do(t testing.TB, addr, request string) Answer {
	t.Helper()
	c := Dial(t, addr)
	defer c.Close()
	c.Send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.Answer(method)
}

// Conn is a connection to a server. Its methods fail the test on errors.
type Conn struct {
	t    testing.TB
	conn net.Conn
	raw  bytes.Buffer
	in   *bufio.Reader
}

// Dial connects to a server. The connection ends with the test, if not before.
func Dial(t testing.TB, addr string) *Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := &Conn{t: t, conn: conn}
	c.in = bufio.NewReader(io.TeeReader(conn, &c.raw))
	return c
}

// Close ends the connection.
func (c *Conn) Close() { _ = c.conn.Close() }

// Send writes bytes.
func (c *Conn) Send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// Answer reads the response to a request with that method. A 101 has no body: read the bytes after it with
// [Conn.Receive]. A server that refuses a malformed request closes the connection without reading the rest,
// so its response may end with a reset.
func (c *Conn) Answer(method string) Answer {
	c.t.Helper()
	c.raw.Reset()
	response, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		if reset := errors.Is(err, syscall.ECONNRESET); c.raw.Len() > 0 || (!reset && !errors.Is(err, io.ErrUnexpectedEOF)) {
			c.t.Fatalf("reading an answer: %v: %q", err, c.raw.String())
		}
		return Answer{}
	}
	a := Answer{Status: response.StatusCode, Header: response.Header}
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(response.Body)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			c.t.Fatalf("reading an answer's body: %v", err)
		}
		a.Body = string(body)
	}
	a.Raw = c.raw.String()
	return a
}

// Receive reads n bytes after a 101.
func (c *Conn) Receive(n int) string {
	c.t.Helper()
	data := make([]byte, n)
	if _, err := io.ReadFull(c.in, data); err != nil {
		c.t.Fatalf("receiving: %v", err)
	}
	return string(data)
}
