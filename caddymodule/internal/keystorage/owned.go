package keystorage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caddyserver/certmagic"
)

// ownedStorage is Caddy's file storage for a command, which may run as another user than Caddy, such as
// root. A file that it replaces keeps its owner. A new file gets the owner of its folder, so that Caddy
// can read it. If the owner cannot be set, nothing is written.
type ownedStorage struct{ *certmagic.FileStorage }

// KeepOwners returns the storage for a command: files that it writes keep the owner of the storage.
func KeepOwners(storage certmagic.Storage) certmagic.Storage {
	if files, ok := storage.(*certmagic.FileStorage); ok {
		return ownedStorage{files}
	}
	return storage
}

// Store implements certmagic.Storage. It follows no link out of the storage. An attacker who controls the
// service owns its folders; with a link there, root would write to any file of the machine.
func (s ownedStorage) Store(_ context.Context, key string, value []byte) error {
	root, err := s.root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it any more
	name := filepath.FromSlash(key)
	if err := makeOwnedFolder(root, filepath.Dir(name)); err != nil {
		return err
	}
	return writeOwned(root, name, value)
}

// Lock implements certmagic.Storage.
func (s ownedStorage) Lock(ctx context.Context, name string) error {
	root, err := s.root()
	if err != nil {
		return err
	}
	err = makeOwnedFolder(root, "locks")
	_ = root.Close() // nothing is written through it any more
	if err != nil {
		return err
	}
	return s.FileStorage.Lock(ctx, name)
}

func (s ownedStorage) root() (*os.Root, error) {
	root, err := os.OpenRoot(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; Caddy makes that folder when it runs; run this command with Caddy's environment", err)
	}
	return root, err
}

// makeOwnedFolder makes a folder and its missing parents. Each gets the owner of its own parent.
func makeOwnedFolder(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if info, err := root.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	if err := makeOwnedFolder(root, filepath.Dir(name)); err != nil {
		return err
	}
	owner, err := ownerOf(root, filepath.Dir(name))
	if err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o700); err != nil {
		return err
	}
	if err := owner.take(func(uid, gid int) error { return root.Lchown(name, uid, gid) }); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

// ownerOf returns the owner of an existing file or folder.
func ownerOf(root *os.Root, name string) (owner, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return owner{}, err
	}
	return newOwner(info), nil
}

// writeOwned replaces the content of a file, and keeps its owner and mode.
func writeOwned(root *os.Root, name string, value []byte) error {
	mode := fs.FileMode(0o600)
	of := filepath.Dir(name)
	switch info, err := root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "write", Path: name, Err: errors.New("not a file")}
	default:
		of, mode = name, info.Mode().Perm()
	}
	owner, err := ownerOf(root, of)
	if err != nil {
		return err
	}
	return replaceOwned(root, name, owner, mode, value)
}

// replaceOwned replaces a file by a new one with this owner and mode. On an error the file is unchanged.
func replaceOwned(root *os.Root, name string, owner owner, mode fs.FileMode, value []byte) error {
	next := name + "." + rand.Text()
	file, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := fillOwned(file, owner, mode, value); err != nil {
		return errors.Join(err, root.Remove(next))
	}
	if err := root.Rename(next, name); err != nil {
		return errors.Join(err, root.Remove(next))
	}
	return nil
}

// fillOwned sets owner and mode of a new file before it writes the value.
func fillOwned(file *os.File, owner owner, mode fs.FileMode, value []byte) error {
	err := owner.take(file.Chown)
	if err == nil {
		err = file.Chmod(mode)
	}
	if err == nil {
		_, err = file.Write(value)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
