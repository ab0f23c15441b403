// Package version tells which version of this module a program was built from.
package version

import "runtime/debug"

// unstamped is Go's word for a build that knows no version.
const unstamped = "(devel)"

// Text is the version that Go's linker put into the running program: a tag such as v1.2.3; between
// tags a pseudo-version, which ends in the commit, with +dirty behind it when files differed from
// that commit; (devel) without version control. It is that of the main module: in a Caddy that
// xcaddy built, `caddy list-modules --versions` tells ours.
func Text() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return unstamped
}
