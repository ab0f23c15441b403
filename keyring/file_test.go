package keyring

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/regularfile"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func TestKeyFileThatEveryUserReadsIsLogged(t *testing.T) {
	t.Parallel()
	key, err := token.GenerateKey(token.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		mode   os.FileMode
		logged bool
	}{
		"owner only":      {0o600, false},
		"owner and group": {0o640, false},
		"everybody":       {0o644, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "signing.pem")
			if err := os.WriteFile(path, pem, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			set, err := ReadFile(path, "", slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if set.Current().ID() != key.ID() {
				t.Errorf("another key was read: %s", set.Current())
			}
			if logged := strings.Contains(log.String(), path); logged != tt.logged {
				t.Errorf("logged: %v; the log is %q", logged, log.String())
			}
		})
	}
}

func TestKeyFileThatIsNoFile(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	if _, err := ReadFile(t.TempDir(), "", log); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("x"), 2*regularfile.MaxSize), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(large, "", log); err == nil || len(err.Error()) > 500 {
		t.Errorf("a large file: %v", err)
	}
}
