//go:build unix

// Package redistest starts real Redis servers in every form that operators have: one server, a primary
// with a replica, Sentinel, a Cluster, TLS with client certificates, a Unix socket. They listen on free
// ports of loopback, keep their files in a temporary directory, and end with the test.
//
//	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
//	server.Do(t, "SET", "key", "value")
//
// The programs are redis-server and redis-sentinel. Debian has both; make test installs them.
package redistest

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// Patience is how long a helper waits for what a server must do. It only ends tests that fail: a loaded
// machine may be slow.
const Patience = time.Minute

// Server is one process of redis-server, or of redis-sentinel.
type Server struct {
	// Address is where the server listens, host:port. A server on a Unix socket has none.
	Address string
	// Socket is the path of its Unix socket, empty for most servers.
	Socket string

	program string
	options []string // PORT and DIR stand for its port and its directory
	dir     string
	bus     string              // the port of a Cluster's bus
	prepare func(*Server) error // writes what it reads; nil for nothing
	admin   adminOptions
	client  rueidis.Client // nil until Client
	process *exec.Cmd
	log     *serverLog
}

// adminOptions are what the test's own client needs.
type adminOptions struct {
	username, password string
	authority          *Authority // nil in the clear
}

// Start starts a redis-server that keeps nothing on disk. In an option, PORT stands for its port and DIR
// for its directory.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	return launch(t, func() *Server { return &Server{program: "redis-server", options: options} })
}

// launch starts what blank returns, on another port when the first was taken meanwhile.
func launch(t testing.TB, blank func() *Server) *Server {
	t.Helper()
	const attempts = 5
	var err error
	for range attempts {
		s := blank()
		s.Address, s.dir = FreeAddress(t), t.TempDir()
		if err = s.start(); err == nil {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("starting a server: %v", err)
	return nil
}

// FreeAddress returns an address of loopback on which nothing listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the process and returns when it accepts connections.
func (s *Server) start() error {
	if s.prepare != nil {
		if err := s.prepare(s); err != nil {
			return err
		}
	}
	s.process = exec.Command(s.program, s.arguments()...)
	out, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("%w; run make test, which installs it on Debian", err)
	}
	s.log = readLog(out)
	ready := "eady to accept connections" // it may begin the line
	if s.program == "redis-sentinel" {
		ready = "Sentinel ID is"
	}
	if !s.log.await(ready) {
		s.Kill()
		return errors.New(s.program + " does not start:\n" + s.log.String())
	}
	return nil
}

func (s *Server) arguments() []string {
	port := s.Port()
	options := []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", s.dir}
	if s.program == "redis-sentinel" {
		options = []string{s.dir + "/sentinel.conf"}
	}
	for _, option := range s.options {
		options = append(options, strings.NewReplacer("PORT", port, "DIR", s.dir).Replace(option))
	}
	return options
}

// Port returns the port of the address.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Address)
	return port
}

// Dir returns the directory of the server's files.
func (s *Server) Dir() string { return s.dir }

// AwaitLog waits until the server logs a line with the text. Each call begins after the line that the one
// before found.
func (s *Server) AwaitLog(t testing.TB, text string) {
	t.Helper()
	if !s.log.await(text) {
		t.Fatalf("%s does not log %q:\n%s", s.program, text, s.log)
	}
}

// Kill ends the process at once, and what it kept.
func (s *Server) Kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// Restart starts the server again on the same address, with what is in its directory.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("restarting: %v", err)
	}
}

// Hang stops the process where it is: connections stay open, and nothing answers.
func (s *Server) Hang(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Wake lets it go on.
func (s *Server) Wake(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sent syscall.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(sent); err != nil {
		t.Fatal(err)
	}
}
