package keystorage

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// asUnprivileged does something as a user who may give files to no other one. Of root, the thread becomes
// the owner of the service's files for the file system's eyes.
func asUnprivileged(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsgid(someone().gid); err != nil {
			t.Errorf("changing the group: %v", err)
		}
		if err := syscall.Setfsuid(someone().uid); err != nil {
			t.Errorf("changing the user: %v", err)
		}
		do()
	}()
	<-done
}
