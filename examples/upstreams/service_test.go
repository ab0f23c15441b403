package upstreams_test

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

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
)

// language is one example: a command, and the folder to run it in.
type language struct {
	name    string
	prepare func(t *testing.T) (dir string, command []string)
	// hurried returns the command with a clock that advances half a minute at each reading, so that the test
	// does not wait until an unknown kid is looked up again.
	hurried func(command []string) []string
}

var languages = []language{
	{"go", prepareGo, func(command []string) []string { return command }}, // it may look up one kid at once
	{"node", prepareNode, hurryNode},
	{"python", preparePython, hurryPython},
}

func prepareGo(t *testing.T) (string, []string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "upstream")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "go", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return "go", []string{binary}
}

const installed = "../../test/node/node_modules"

var joseVersion = regexp.MustCompile(`"jose": "[^"]+"`)

// TestJoseIsTheOneTested compares the example's version of jose with the version that the test runs.
func TestJoseIsTheOneTested(t *testing.T) {
	asked, tested := joseVersion.FindString(exampletest.Read(t, "node/package.json")), joseVersion.FindString(exampletest.Read(t, "../../test/node/package.json"))
	if asked == "" || asked != tested {
		t.Errorf("the example asks for %s, the tests run %s", asked, tested)
	}
}

// prepareNode copies the example to the folder where jose is installed.
func prepareNode(t *testing.T) (string, []string) {
	t.Helper()
	modules, err := filepath.Abs(installed)
	if err == nil {
		_, err = os.Stat(filepath.Join(modules, "jose"))
	}
	if err != nil {
		t.Fatalf("npm's jose is not installed; run `make test`, or `npm ci` in test/node: %v", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"main.mjs", "headers.mjs", "token.mjs"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(exampletest.Read(t, filepath.Join("node", name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir, []string{"node", "main.mjs"}
}

func hurryNode(command []string) []string {
	clock := "data:text/javascript,const now = Date.now; let read = 0; Date.now = () => now() + 31_000 * read++"
	return []string{command[0], "--import", strings.ReplaceAll(clock, " ", "%20"), command[1]}
}

// preparePython uses the system's interpreter with Debian's packages.
func preparePython(*testing.T) (string, []string) {
	return "python", []string{"/usr/bin/python3", "-B", "main.py"}
}

func hurryPython(command []string) []string {
	clock := "import http.server, itertools, runpy, time; read = itertools.count(0, 31); time.monotonic = lambda: next(read); " +
		"import sys; sys.path.insert(0, ''); runpy.run_path('main.py', run_name='__main__')"
	return []string{command[0], "-B", "-c", clock}
}

// start runs an example until the test ends, and returns its URL.
func start(t *testing.T, dir string, command []string, settings ...string) (url string) {
	t.Helper()
	program := exec.CommandContext(t.Context(), command[0], command[1:]...)
	program.Dir = dir
	program.Env = append(os.Environ(), append(settings, "LISTEN=127.0.0.1:0")...)
	var stderr bytes.Buffer
	program.Stderr = &stderr
	stdout, err := program.StdoutPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatalf("starting %s: %v; run `make test`, which installs it on Debian", command[0], err)
	}
	t.Cleanup(func() {
		_ = program.Process.Kill() // the context did, unless the test failed to start it
		_ = program.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return url
		}
	}
	_ = program.Wait() // it ended; only then is stderr whole
	t.Fatalf("%s ended without an address: %v\n%s", command[0], lines.Err(), stderr.String())
	return ""
}
