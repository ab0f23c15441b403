//go:build unix

package keystorage

import (
	"io/fs"
	"os"
	"syscall"
)

// userOf returns the user that a file belongs to.
func userOf(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok { // a file system without owners
		return 0, false
	}
	return int(stat.Uid), true
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
	uid, ok = userOf(info)
	return uid, "the storage to", ok
}
