package rawhttptest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Body is the body of every response of an [Upstream].
const Body = "upstream"

// Upstream is an HTTP/1.1 server that records every byte that it receives. It answers 200 with [Body]. It
// answers a request to upgrade with 101, and then echoes what it receives.
type Upstream struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	requests []string
}

// NewUpstream starts an upstream on loopback. It ends with the test.
func NewUpstream(t testing.TB) *Upstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &Upstream{listener: listener, conns: map[net.Conn]bool{}}
	u.serving.Go(u.accept)
	t.Cleanup(u.close)
	return u
}

// Addr returns the upstream's host and port.
func (u *Upstream) Addr() string { return u.listener.Addr().String() }

// Take returns the requests since the last Take, each with its body and trailers, byte for byte. They include
// bytes that are not a valid request.
func (u *Upstream) Take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.requests
	u.requests = nil
	return taken
}

func (u *Upstream) close() {
	_ = u.listener.Close()
	u.mu.Lock()
	for conn := range u.conns {
		_ = conn.Close()
	}
	u.conns = nil
	u.mu.Unlock()
	u.serving.Wait()
}

func (u *Upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		if u.conns == nil {
			_ = conn.Close()
		} else {
			u.conns[conn] = true
			u.serving.Go(func() { u.serve(conn) })
		}
		u.mu.Unlock()
	}
}

func (u *Upstream) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		request, err := http.ReadRequest(in)
		if err == nil {
			_, err = io.Copy(io.Discard, request.Body)
		}
		if raw.Len() > 0 {
			u.keep(raw.String())
			raw.Reset()
		}
		if err != nil || !answer(conn, in, request) {
			return
		}
	}
}

func (u *Upstream) keep(request string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = append(u.requests, request)
}

// answer answers a request. It reports whether another request may follow on the connection.
func answer(conn net.Conn, in io.Reader, request *http.Request) bool {
	protocol := request.Header.Get("Upgrade")
	if protocol == "" {
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"+Body)
		return err == nil
	}
	_, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n")
	if err == nil {
		_, _ = io.Copy(conn, in) // until either side hangs up
	}
	return false
}
