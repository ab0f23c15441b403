package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Line forwards TCP connections to a target. A test can cut it, hold its answers back, or move it to another
// target, as a DNS name or a virtual IP moves.
type Line struct {
	// Address is where clients connect.
	Address string

	listener net.Listener
	passing  sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool
	held   chan struct{} // closed by LetGo; nil while nothing is held
	conns  map[net.Conn]struct{}
}

// NewLine returns a line from a free port of loopback to the target. It ends with the test.
func NewLine(t testing.TB, target string) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{Address: listener.Addr().String(), target: target, listener: listener, conns: make(map[net.Conn]struct{})}
	l.passing.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.Cut()
		l.passing.Wait()
	})
	return l
}

// Cut ends every connection, and every new one at once.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
	l.release()
}

// Hold keeps back what the target sends, until LetGo. What is sent to the target goes on.
func (l *Line) Hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

// LetGo passes on what was kept back.
func (l *Line) LetGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
}

func (l *Line) release() {
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// held is an end of the line that receives nothing while the line holds it back.
type held struct {
	io.Writer
	line *Line
}

// Write implements io.Writer.
func (h held) Write(data []byte) (int, error) {
	h.line.mu.Lock()
	wait := h.line.held
	h.line.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return h.Writer.Write(data)
}

// Mend lets new connections through again.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// Move forwards new connections to another target. Those that are open stay where they are.
func (l *Line) Move(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

func (l *Line) current() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.target
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
	to, err := net.Dial("tcp", l.current())
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
	_, _ = io.Copy(held{c, l}, to)
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
