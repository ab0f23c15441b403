//go:build unix

package redistest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// StartSocket starts a server that listens on a Unix socket alone.
func StartSocket(t testing.TB, options ...string) *Server {
	t.Helper()
	// The path of a socket has 107 bytes at most, which the directory of a test with a long name exceeds.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis.sock")
	s := launch(t, func() *Server {
		return &Server{
			program: "redis-server", Socket: socket,
			options: slices.Concat([]string{"--port", "0", "--unixsocket", socket}, options),
		}
	})
	s.Address = ""
	return s
}
