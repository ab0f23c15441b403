package keystorage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/caddyserver/certmagic"
)

// maxOtherOwners bounds the files that OtherOwners names.
const maxOtherOwners = 5

// OtherOwners returns a line for each file of itsme in Caddy's file storage that belongs to another user than
// the one that Caddy runs as. That is the user of this process or, when it is root, the owner of the storage.
// It returns nothing for another storage, and leaves out what it cannot read.
func OtherOwners(storage certmagic.Storage) (lines []string) {
	files, ok := storage.(*certmagic.FileStorage)
	if !ok {
		return nil
	}
	expected, of, ok := runningUser(files.Path)
	if !ok {
		return nil
	}
	_ = filepath.WalkDir(filepath.Join(files.Path, "itsme"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // no keys yet, or a folder of another user, which was named before
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if user := newOwner(info).uid; user != expected {
			lines = append(lines, fmt.Sprintf("%s belongs to user %d, and %s user %d", path, user, of, expected))
		}
		if len(lines) == maxOtherOwners {
			return errEnough
		}
		return nil
	})
	return lines
}

// errEnough ends a walk.
var errEnough = errors.New("enough files")
