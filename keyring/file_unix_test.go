//go:build unix

package keyring

import (
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKeyFileThatIsAPipe has a key option that names a pipe without a writer. To open it would wait without end, and
// Caddy would hang while it loads its configuration.
func TestKeyFileThatIsAPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(pipe, "", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
}
