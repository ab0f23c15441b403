//go:build clients

package clients_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the folder of the repository.
const root = "../.."

// buildDemo compiles the program once for all tests.
var buildDemo = sync.OnceValues(func() (binary string, err error) {
	dir, err := os.MkdirTemp("", "caddy-itsme-clients-")
	if err != nil {
		return "", err
	}
	built.dir = dir
	binary = filepath.Join(dir, "caddy-itsme")
	build := exec.Command("go", "build", "-o", binary, "./cmd/caddy-itsme")
	build.Dir = root
	build.Stderr = os.Stderr
	return binary, build.Run()
})

// built is the folder of the program.
var built struct{ dir string }

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built.dir)
	os.Exit(code)
}

// startDemo runs the demo on free ports until the test ends, and returns the gateway's URL.
func startDemo(t *testing.T) (gateway string) {
	t.Helper()
	binary, err := buildDemo()
	if err != nil {
		t.Fatalf("building the demo: %v", err)
	}
	demo := exec.CommandContext(t.Context(), binary, "demo", "--gateway-port", "0", "--simulator-port", "0", "--management-port", "0", "--upstream-port", "0")
	demo.Cancel = func() error { return demo.Process.Signal(os.Interrupt) } // so that it deletes its folder
	var stderr bytes.Buffer
	demo.Stderr = &stderr
	stdout, err := demo.StdoutPipe()
	if err == nil {
		err = demo.Start()
	}
	if err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	t.Cleanup(func() { _ = demo.Wait() })
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if address, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "gateway="); ok {
			gateway = address
		}
		if strings.HasPrefix(lines.Text(), "Press Ctrl-C") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return gateway
		}
	}
	_ = demo.Wait()
	t.Fatalf("the demo ended before it served\n%s", stderr.String())
	return ""
}

// run runs a command in a folder, and fails the test when it fails.
func run(t *testing.T, dir string, env []string, command ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v; make test-clients installs what it needs on Debian\n%s", strings.Join(command, " "), err, out)
	}
}
