// Package proxytest provides a TCP proxy whose connections a test can cut.
package proxytest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Line forwards connections to a target until it is cut.
type Line struct {
	// Addr is the address that clients connect to.
	Addr string

	target   string
	listener net.Listener
	passing  sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
}

// New starts a line from a free port of loopback to the target. It stops when the test ends.
func New(t testing.TB, target string) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{Addr: listener.Addr().String(), target: target, listener: listener, conns: make(map[net.Conn]struct{})}
	l.passing.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.Cut()
		l.passing.Wait()
	})
	return l
}

// Cut closes every connection, and every new connection at once.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// Mend forwards new connections again.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

func (l *Line) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.passing.Go(func() { l.pass(c) })
	}
}

func (l *Line) pass(c net.Conn) {
	defer c.Close()
	if !l.keep(c) {
		return
	}
	defer l.drop(c)
	to, err := net.Dial("tcp", l.target)
	if err != nil {
		return
	}
	defer to.Close()
	if !l.keep(to) {
		return
	}
	defer l.drop(to)
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(to, c)
		_ = to.Close()
		close(done)
	}()
	_, _ = io.Copy(c, to)
	_ = c.Close()
	<-done
}

func (l *Line) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut {
		l.conns[c] = struct{}{}
	}
	return !l.cut
}

func (l *Line) drop(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}
