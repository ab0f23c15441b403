package caddymodule_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// TestValidateLeavesNothing validates a configuration that would make keys, and looks for files,
// connections and goroutines.
func TestValidateLeavesNothing(t *testing.T) {
	calls := make(chan struct{}, 1)
	signicat := reportCalls(t, calls)
	config, err := caddytest.Adapt(strings.NewReplacer("127.0.0.1:1", signicat, caddytest.Address, "127.0.0.1:9").Replace(storedConfig))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := caddytest.Validate(config, dir); err != nil {
		t.Fatalf("validating: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "storage")); len(entries) != 0 {
		t.Errorf("storage holds %v", entries)
	}
	if log, _ := os.ReadFile(filepath.Join(dir, "caddy.log")); strings.Contains(string(log), "replica") {
		t.Error("validating logs what only Start should log")
	}
	if n := leftGoroutines(); n != "" {
		t.Errorf("goroutines are left:\n%s", n)
	}
	select {
	case <-calls:
		t.Error("Signicat was called")
	default:
	}
}

// reportCalls listens in the place of Signicat and reports the first connection.
func reportCalls(t *testing.T, calls chan<- struct{}) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return // the test has ended
		}
		_ = conn.Close()
		calls <- struct{}{}
	}()
	return listener.Addr().String()
}
