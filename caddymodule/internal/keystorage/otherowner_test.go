//go:build linux

package keystorage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
)

// TestFilesOfAnotherUserAreFound: a command that ran as root left keys that Caddy cannot replace, or Caddy ran
// once as root.
func TestFilesOfAnotherUserAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storage := &certmagic.FileStorage{Path: dir}
	if err := os.MkdirAll(filepath.Join(dir, "itsme", "default"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "itsme", "default", "keys.json")
	if err := os.WriteFile(keys, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := OtherOwners(storage); len(got) != 0 {
		t.Errorf("all files belong to one user: %q", got)
	}
	if got := OtherOwners(&certmagic.FileStorage{Path: filepath.Join(dir, "nosuch")}); len(got) != 0 {
		t.Errorf("no storage: %q", got)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(keys, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	if got := OtherOwners(storage); len(got) != 1 || !strings.HasPrefix(got[0], keys+" belongs to user 1234, and the storage to user ") {
		t.Errorf("found %q", got)
	}
}

func TestOwnersOfManyFilesAreBounded(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // only root can give files away
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "itsme"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split("abcdefgh", "") {
		file := filepath.Join(dir, "itsme", name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(file, 1234, 1234); err != nil {
			t.Fatal(err)
		}
	}
	if got := OtherOwners(&certmagic.FileStorage{Path: dir}); len(got) != maxOtherOwners {
		t.Errorf("found %q", got)
	}
}
