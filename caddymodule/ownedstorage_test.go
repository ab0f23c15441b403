//go:build unix

package caddymodule

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/certmagic"
)

// someone owns the service's files: another user than the one that runs the command, where that is root,
// who may give files away.
func someone() owner {
	if os.Geteuid() == 0 {
		return owner{uid: 4711, gid: 4712}
	}
	return owner{uid: os.Geteuid(), gid: os.Getegid()}
}

// serviceStorage is a storage in which the service has made keys.
func serviceStorage(t *testing.T) *certmagic.FileStorage {
	t.Helper()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	if _, err := keysIn(files).Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(files.Path, "locks")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(files.Path, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, someone().uid, someone().gid))
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantSomeones checks the owner of everything in a storage, and the mode of its files.
func wantSomeones(t *testing.T, files *certmagic.FileStorage, mode fs.FileMode) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(files.Path, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		if got := (owner{int(stat.Uid), int(stat.Gid)}); got != someone() {
			t.Errorf("%s belongs to %v", path, got)
		}
		if info.Mode().IsRegular() && strings.HasSuffix(path, "keys.json") {
			seen++
			if info.Mode().Perm() != mode {
				t.Errorf("%s has the mode %v, not %v", path, info.Mode().Perm(), mode)
			}
		}
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("%d files of keys, %v", seen, err)
	}
}

// TestCommandsLeaveFilesToTheirOwner: root rotates and drops keys of a service that runs as another user, which could
// otherwise neither read them nor start again.
func TestCommandsLeaveFilesToTheirOwner(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o600, 0o640} {
		files := serviceStorage(t)
		if err := os.Chmod(files.Filename("itsme/default/keys.json"), mode); err != nil {
			t.Fatal(err)
		}
		keys := keysIn(keepingOwners(files))
		before, err := keys.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leaked := before.Set().Keys[0].ID
		after, err := keys.Drop(t.Context(), []string{leaked})
		if err != nil {
			t.Fatal(err)
		}
		wantSomeones(t, files, mode)
		if again, err := keysIn(files).Read(t.Context()); err != nil || len(again.Set().Keys) != len(after.Set().Keys) || !again.Dropped.Has(leaked) {
			t.Errorf("the keys are %v, %v", again.Set(), err)
		}
		if probed := probe(t.Context(), keepingOwners(files)); probed != nil {
			t.Errorf("the doctor's probe: %v", probed)
		}
		wantSomeones(t, files, mode)
	}
}

// TestCommandsMakeFoldersForTheirOwner: a storage that has nothing in it yet.
func TestCommandsMakeFoldersForTheirOwner(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	if err := os.Chown(files.Path, someone().uid, someone().gid); err != nil {
		t.Fatal(err)
	}
	if _, err := keysIn(keepingOwners(files)).Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSomeones(t, files, 0o600)
}

// TestFileThatCannotKeepItsOwnerIsNotChanged asks for an owner that this process may not give files to.
func TestFileThatCannotKeepItsOwnerIsNotChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "next")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	denied := func(int, int) error { return syscall.EPERM }
	if err := someone().take(denied); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "run this as root") {
		t.Errorf("the error is %v", err)
	}
	// The owner -2 exists nowhere. Root may give files to anybody, and the system refuses this one to all.
	_ = file.Close()
	if file, err = os.OpenFile(path, os.O_RDONLY, 0); err != nil {
		t.Fatal(err)
	}
	if err := fillOwned(file, someone(), 0o600, []byte("text")); err == nil {
		t.Error("a file that cannot be written is said to be")
	}
	if data, err := os.ReadFile(path); err != nil || len(data) != 0 {
		t.Errorf("it holds %q, %v", data, err)
	}
}

// TestCommandsFollowNoLinkOutOfTheStorage: the folder is the service's. Whoever took over the service would have root
// write elsewhere.
func TestCommandsFollowNoLinkOutOfTheStorage(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]string{"the file": "itsme/default/keys.json", "its folder": "itsme/default", "the locks": "locks"} {
		files, elsewhere := serviceStorage(t), t.TempDir()
		target := filepath.Join(elsewhere, "target")
		before := []byte(`{"keys":[]}`)
		if link != "itsme/default/keys.json" {
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(target, before, 0o600); err != nil {
			t.Fatal(err)
		}
		path := files.Filename(link)
		if err := errors.Join(os.RemoveAll(path), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
		storage := keepingOwners(files)
		err := storage.Store(t.Context(), "itsme/default/keys.json", []byte("text"))
		if link == "locks" {
			err = storage.Lock(t.Context(), "itsme_keys_default")
		}
		if err == nil {
			t.Errorf("%s: it was followed", name)
		}
		if entries, err := os.ReadDir(target); err == nil && len(entries) != 0 {
			t.Errorf("%s: %v was written elsewhere", name, entries)
		}
		if data, err := os.ReadFile(target); err == nil && string(data) != string(before) {
			t.Errorf("%s: elsewhere there is %q", name, data)
		}
	}
}
