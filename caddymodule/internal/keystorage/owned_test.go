//go:build unix

package keystorage

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
		keys := keysIn(KeepOwners(files))
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
		if probed := Probe(t.Context(), KeepOwners(files)); probed != nil {
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
	if _, err := keysIn(KeepOwners(files)).Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSomeones(t, files, 0o600)
}

// TestFileThatCannotKeepItsOwnerIsNotChanged runs a command as a user who may write to the folder, and give files to
// no other user. The file would become that user's, and the service could not read it any more.
func TestFileThatCannotKeepItsOwnerIsNotChanged(t *testing.T) {
	t.Parallel()
	files := serviceStorage(t)
	if err := os.Chmod(filepath.Dir(files.Filename("itsme/default/keys.json")), 0o777); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(files.Filename("itsme/default/keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(files.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	theirs := owner{uid: someone().uid + 1, gid: someone().gid + 1}
	asUnprivileged(t, func() {
		err = replaceOwned(root, "itsme/default/keys.json", theirs, 0o600, []byte("text"))
	})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "run this command as root, or as that user") {
		t.Errorf("the error is %v", err)
	}
	after, err := os.ReadFile(files.Filename("itsme/default/keys.json"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the file was changed to %q, %v", after, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(files.Filename("itsme/default/keys.json"))); len(left) != 1 {
		t.Errorf("something is left: %v", left)
	}
}

// TestCommandsFollowNoLinkOutOfTheStorage: the folder is the service's. An attacker who took over the service would have root
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
		storage := KeepOwners(files)
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
