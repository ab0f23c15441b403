//go:build unix

package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Name is an address that leads to a server, as a DNS name or a virtual IP does.
type Name struct {
	// Address is where clients connect.
	Address string

	mu     sync.Mutex
	target string
}

// NewName returns an address that leads to the server.
func NewName(t testing.TB, server *Server) *Name {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &Name{Address: listener.Addr().String(), target: server.Address}
	t.Cleanup(func() { _ = listener.Close() })
	go n.accept(listener)
	return n
}

// Move lets new connections lead to another server. Open ones stay where they are.
func (n *Name) Move(server *Server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.target = server.Address
}

func (n *Name) current() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.target
}

func (n *Name) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // the test is over
		}
		go pass(client, n.current())
	}
}

// pass copies both ways until either end closes.
func pass(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
