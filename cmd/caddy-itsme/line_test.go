package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line passes TCP connections on to a target until it is cut.
type line struct {
	addr string

	target   string
	listener net.Listener
	passing  sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
}

// newLine returns a line from a free port of loopback to the target. It ends with the test.
func newLine(t testing.TB, target string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{addr: listener.Addr().String(), target: target, listener: listener, conns: make(map[net.Conn]struct{})}
	l.passing.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.cutAll()
		l.passing.Wait()
	})
	return l
}

// cutAll ends every connection, and refuses new ones.
func (l *line) cutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// mend lets new connections through again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

func (l *line) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.passing.Go(func() { l.pass(c) })
	}
}

func (l *line) pass(c net.Conn) {
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

func (l *line) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut {
		l.conns[c] = struct{}{}
	}
	return !l.cut
}

func (l *line) drop(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}
