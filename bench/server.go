package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
)

// startPatience bounds the start and the end of a server.
const startPatience = 20 * time.Second

// errStart is returned, with the output of the server, when it does not answer.
var errStart = errors.New("server does not answer")

// server is a running process that answers HTTP.
type server struct {
	addr    string
	process *exec.Cmd
	output  bytes.Buffer
	// started is the time from the start of the process to its first answer.
	started time.Duration
	ended   chan struct{}
}

// startServer runs a command in a folder until it answers at an address.
func startServer(ctx context.Context, addr, dir string, command ...string) (*server, error) {
	s := &server{addr: addr, ended: make(chan struct{})}
	s.process = exec.Command(command[0], command[1:]...)
	s.process.Dir = dir
	s.process.Env = append(os.Environ(), "HOME="+dir)
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	began := time.Now()
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(command[0]), err)
	}
	go func() {
		_ = s.process.Wait() // it ends because it is stopped
		close(s.ended)
	}()
	if err := s.await(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(command[0]), err, s.output.Bytes())
	}
	s.started = time.Since(began)
	return s, nil
}

// await sends requests until it gets an answer of any status.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-ctx.Done():
			return errStart
		case <-s.ended:
			return errStart
		case <-again.C:
		}
	}
}

// stop ends the process, and kills it when it does not end in time.
func (s *server) stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(startPatience):
		_ = s.process.Process.Kill()
		<-s.ended
	}
}

// cpu returns the CPU time that it uses while do runs.
func (s *server) cpu(do func() error) (time.Duration, error) {
	before, err := waiting.CPU(s.process.Process.Pid)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := waiting.CPU(s.process.Process.Pid)
	return after - before, err
}

// freeAddr returns a free address on loopback.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
