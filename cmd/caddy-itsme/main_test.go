package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts this test binary into the path as caddy-itsme, so that tests run the program by its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caddy-itsme": main})
}

// program is one run of caddy-itsme, with its own folders for home and storage.
type program struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	home, temp     string
}

func newProgram(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.CommandContext(t.Context(), "caddy-itsme", args...), home: t.TempDir(), temp: t.TempDir()}
	p.Env = append(os.Environ(), "HOME="+p.home, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "TMPDIR="+p.temp)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

// finish runs the program to its end, and returns its exit status.
func (p *program) finish(t *testing.T) int {
	t.Helper()
	var exit *exec.ExitError
	if err := p.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("running caddy-itsme: %v", err)
	}
	return p.ProcessState.ExitCode()
}

// serve starts the program, and returns what it prints until it serves.
func (p *program) serve(t *testing.T) (welcome string) {
	t.Helper()
	p.Stdout = nil
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatalf("starting caddy-itsme: %v", err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		welcome += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Press Ctrl-C") {
			return welcome
		}
	}
	err = p.Wait()
	t.Fatalf("it ended before it served: %v\n%s", err, p.stderr.String())
	return ""
}

// interrupt sends SIGINT, as Ctrl-C does, and checks for a clean end.
func (p *program) interrupt(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatalf("interrupting: %v", err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, p.stderr.String())
	}
}

// leftNothing checks that the program's folders are as they were.
func (p *program) leftNothing(t *testing.T) {
	t.Helper()
	for _, folder := range []string{p.home, p.temp} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if path != folder {
				t.Errorf("it left %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
