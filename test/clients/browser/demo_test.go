//go:build clients

package browser_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// demo is a caddy-itsme demo that runs. The fields are URLs.
type demo struct{ gateway, management string }

// addressLine is a line of what the demo prints at its start.
var addressLine = regexp.MustCompile(`^  (gateway|management) +(http://\S+)`)

// startDemo builds the demo and runs it on free ports until the test ends.
func startDemo(t *testing.T) demo {
	t.Helper()
	program := filepath.Join(t.TempDir(), "caddy-itsme")
	build := exec.Command("go", "build", "-o", program, "./cmd/caddy-itsme")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the demo: %v\n%s", err, out)
	}
	command := exec.Command(program, "demo", "--gateway-port", "0", "--simulator-port", "0", "--management-port", "0", "--upstream-port", "0")
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "TMPDIR="+t.TempDir())
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	t.Cleanup(func() { _ = command.Process.Signal(os.Interrupt); _ = command.Wait() })
	urls := make(map[string]string)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C") {
		if found := addressLine.FindStringSubmatch(lines.Text()); found != nil {
			urls[found[1]] = found[2]
		}
	}
	if urls["gateway"] == "" || urls["management"] == "" {
		t.Fatalf("the demo prints the addresses %v\n%s", urls, stderr.String())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return demo{urls["gateway"], urls["management"]}
}
