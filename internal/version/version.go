// Package version returns the version of this module that a program was built from.
package version

import "runtime/debug"

// unstamped is Go's word for a build that knows no version.
const unstamped = "(devel)"

// Text returns the version that Go's linker put into the running program. It is a tag such as v1.2.3, or
// between tags a pseudo-version, which ends with the commit. +dirty follows if files differed from that
// commit. Without version control it is (devel). It is the version of the main module: for a Caddy that
// xcaddy built, use `caddy list-modules --versions`.
func Text() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return unstamped
}
