//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNothingIsLeftRunning runs a test that starts a program without end, and crashes.
func TestNothingIsLeftRunning(t *testing.T) {
	t.Parallel()
	ended, running, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ended.Close() }()
	script := filepath.Join(t.TempDir(), "crash")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 1000 &\nexit 2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script)
	command.ExtraFiles = []*os.File{running}
	end := inGroup(command)
	if err := command.Run(); err == nil {
		t.Error("it did not crash")
	}
	_ = running.Close()
	end()
	if _, err := io.ReadAll(ended); err != nil { // ends with the last program that holds the other end
		t.Error(err)
	}
}
