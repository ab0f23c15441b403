package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

const slowCaddyfile = `{
	admin off
	persist_config off
	storage_clean_interval off
	default_bind 127.0.0.1
	storage file_system %s
	servers {
		protocols h1 h2c
		%s
	}
	itsme {
		public_url %s
		signicat {
			client_id x
			client_secret y
			api_url http://127.0.0.1:1
		}
		attributes name
	}
}
%s {
	itsme
	respond ok
}
`

// slowTarget is a gateway without Signicat, in a process with few file descriptors.
type slowTarget struct {
	address string
	url     string
	ended   chan struct{}
}

// runTarget starts a gateway with these options of Caddy's servers. Files is the limit of its descriptors, such as 64.
func runTarget(t *testing.T, servers, files string) *slowTarget {
	t.Helper()
	for range 3 { // another process may take a port that was free
		if s := startTarget(t, servers, files); awaitReady(t, s.url+"/health/ready", s.ended) {
			return s
		}
	}
	t.Fatal("no gateway starts")
	return nil
}

func startTarget(t *testing.T, servers, files string) *slowTarget {
	t.Helper()
	address := freeAddress(t)
	s := &slowTarget{address: address, url: "http://" + address + logintest.Path, ended: make(chan struct{})}
	file := filepath.Join(t.TempDir(), "Caddyfile")
	config := fmt.Sprintf(slowCaddyfile, t.TempDir(), servers, "http://"+address, "http://"+address)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "run", "--config", file, "--adapter", "caddyfile")
	// ulimit sets the hard limit, too: Go raises the soft one to it at the start.
	p.Path, p.Args = lookPath(t, "sh"), append([]string{"sh", "-c", `ulimit -n ` + files + ` && exec "$0" "$@"`, p.Path}, p.Args[1:]...)
	if err := p.Start(); err != nil {
		t.Fatalf("starting caddy-itsme: %v", err)
	}
	go func() {
		_ = p.Wait() // killed
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Log(p.stderr.String())
		}
	})
	return s
}

func lookPath(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var timeoutsBlock = regexp.MustCompile(`(?s)\ttimeouts \{\n.*?\n\t+\}\n`)

// productionTimeouts are the timeouts of the Caddyfile in docs/production.md.
func productionTimeouts(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "production.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := timeoutsBlock.FindString(string(page))
	if block == "" || strings.Contains(block, "write") {
		t.Fatalf("docs/production.md has no timeouts, or a write timeout: %q", block)
	}
	return block
}

// slowTimeout bounds how long a test waits for a gateway that attackers keep busy. Without timeouts in the configuration
// the wait would be four times a minute, Caddy's default of read_header.
const slowTimeout = 100 * time.Second

// TestSlowHeadersKeepNoHealthCheckOut has 200 clients begin a header that never ends, at a gateway with 64 file
// descriptors. When their time is over, the gateway answers a health check and serves users again.
func TestSlowHeadersKeepNoHealthCheckOut(t *testing.T) {
	t.Parallel()
	target := runTarget(t, productionTimeouts(t), "64")
	for range 200 {
		conn, err := net.Dial("tcp", target.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET /itsme/health/live HTTP/1.1\r\nHost: a\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), slowTimeout)
	defer cancel()
	for _, path := range []string{"/health/live", "/health/ready", "/jwks.json"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

// TestSlowBodiesHoldNoConnection has 300 clients send a body of one byte each half second to the gateway's endpoints,
// without any timeout in Caddy's configuration. Each is refused, and over HTTP/1.1 its connection ends.
func TestSlowBodiesHoldNoConnection(t *testing.T) {
	t.Parallel()
	target := runTarget(t, "", "1024")
	for protocol, protocols := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{Protocols: new(http.Protocols)}
			protocols(transport.Protocols)
			t.Cleanup(transport.CloseIdleConnections)
			ctx, cancel := context.WithTimeout(t.Context(), slowTimeout)
			defer cancel()
			var clients sync.WaitGroup
			for i := range 300 {
				clients.Go(func() {
					path := []string{"/sessions", "/token", "/revoke"}[i%3]
					status, err := sendSlowly(ctx, transport, target.url+path, protocol)
					if err != nil || status != http.StatusRequestTimeout {
						t.Errorf("%s: %d, %v", path, status, err)
					}
				})
			}
			clients.Wait()
		})
	}
}

var errProtocol = errors.New("another protocol")

// sendSlowly sends a body that takes two hours, and returns the status.
func sendSlowly(ctx context.Context, transport *http.Transport, url, protocol string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, slowBody{ctx})
	if err != nil {
		return 0, err
	}
	r.ContentLength = 14400
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasSuffix(url, "/sessions") {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.Proto != protocol {
		return 0, errProtocol
	}
	if protocol == "HTTP/1.1" && !answer.Close {
		return 0, errors.New("the connection goes on")
	}
	return answer.StatusCode, nil
}

// slowBody is a body of one byte each half second.
type slowBody struct{ ctx context.Context }

func (b slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second / 2):
		return copy(p, "x"), nil
	case <-b.ctx.Done():
		return 0, io.EOF
	}
}
