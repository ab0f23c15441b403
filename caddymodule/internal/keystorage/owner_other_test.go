//go:build unix && !linux

package keystorage

import "testing"

// asUnprivileged does something. Unverified: root may give files to any user where it is not Linux, and
// threads have no user of their own; run the tests as another user there.
func asUnprivileged(_ *testing.T, do func()) { do() }
