//go:build unix

package regularfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/regularfile"
)

// TestOnlySmallRegularFilesAreRead names a pipe without a writer, which would stop Caddy while it loads its
// configuration, a folder, a device without an end, and a file of a gigabyte.
func TestOnlySmallRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, at("large"), nil)
	if err := os.Truncate(at("large"), 1<<30); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		at("pipe"): "not a regular file", dir: "not a regular file", "/dev/zero": "not a regular file",
		at("large"): "larger than", at("missing"): "no such file",
	} {
		if _, _, err := regularfile.Read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	most := bytes.Repeat([]byte("x"), regularfile.MaxSize)
	write(t, at("most"), most)
	data, mode, err := regularfile.Read(at("most"))
	if err != nil || !bytes.Equal(data, most) || mode.Perm() != 0o600 {
		t.Errorf("a file of the largest size: %d bytes, %v, %v", len(data), mode, err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestContentIsNotShown gives a key where the name of its file belongs, as {env.KEY} does. No error has any of it.
func TestContentIsNotShown(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"PEM":                  "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
		"a long PEM":           "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("c2VjcmV0", 600) + "\n-----END PRIVATE KEY-----\n",
		"PEM in one line":      `-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n`,
		"PEM without its ends": "c2VjcmV0\nc2VjcmV0\n",
		"a JWK":                `{"kty":"OKP","crv":"Ed25519","x":"AA","d":"c2VjcmV0"}`,
		"a blank and a JWK":    ` { "kty":"OKP","crv":"Ed25519","x":"AA","d":"c2VjcmV0"}`,
	} {
		if _, _, err := regularfile.Read(content); err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
