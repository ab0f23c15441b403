package redis_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line passes connections on to a target, until it is cut.
type line struct {
	// address is where the line begins.
	address string

	listener net.Listener
	passing  sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool
	held   chan struct{} // closed by letGo; nil while nothing is held
	conns  map[net.Conn]struct{}
}

// newLine lays a line from a free port of loopback to the target. It is taken down with the test.
func newLine(t testing.TB, target string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{address: listener.Addr().String(), target: target, listener: listener, conns: make(map[net.Conn]struct{})}
	l.passing.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.cutAll()
		l.passing.Wait()
	})
	return l
}

// cutAll ends every connection, and every new one at once.
func (l *line) cutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
	l.release()
}

// hold keeps back what the target sends, until letGo. What is sent to the target goes on.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

// letGo passes on what was kept back.
func (l *line) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release()
}

func (l *line) release() {
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// held is an end of the line that gets nothing while the line holds it back.
type held struct {
	io.Writer
	line *line
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

// mend lets new connections through again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// redirect passes new connections on to another target, as a name that is resolved anew does. Those that
// are open stay where they are.
func (l *line) redirect(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

func (l *line) current() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.target
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
