//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// inGroup starts a command in a process group of its own. The returned function ends the group: a test that
// crashes does not stop the programs that it started.
func inGroup(command *exec.Cmd) (end func()) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	return func() {
		if command.Process != nil {
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // fails when nothing is left
		}
	}
}
