//go:build !unix

package keystorage

import "io/fs"

// Files of this system have no numeric owner.
func userOf(fs.FileInfo) (uid int, ok bool) { return 0, false }

func runningUser(string) (uid int, of string, ok bool) { return 0, "", false }
