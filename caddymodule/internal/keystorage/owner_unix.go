//go:build unix

package keystorage

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// owner is the user and the group that a file belongs to.
type owner struct{ uid, gid int }

func newOwner(info fs.FileInfo) owner {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok { // a file system without owners
		return owner{os.Geteuid(), os.Getegid()}
	}
	return owner{int(stat.Uid), int(stat.Gid)}
}

// take makes the owner own a file that this process has made.
func (o owner) take(chown func(uid, gid int) error) error {
	if err := chown(o.uid, o.gid); err != nil {
		return fmt.Errorf("the file must belong to user %d and group %d, and this process may not change the owner: %w; run this command as root, or as that user", o.uid, o.gid, err)
	}
	return nil
}

// runningUser returns the user that Caddy runs as, and words for how it is known.
func runningUser(storage string) (uid int, of string, ok bool) {
	if uid = os.Geteuid(); uid != 0 {
		return uid, "this process runs as", true
	}
	info, err := os.Stat(storage)
	if err != nil {
		return 0, "", false
	}
	return newOwner(info).uid, "the storage to", true
}
