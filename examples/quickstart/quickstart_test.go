//go:build unix

// Package quickstart_test runs the commands of the quickstart's README.
package quickstart_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
)

const root = "../.."

// ready are the texts that the programs print when they serve, in the README's order.
var ready = []string{"A simulator of Signicat and itsme", "the upstream listens on", "serving initial configuration"}

// TestReadme starts the three programs, opens the site in a browser, and runs the app's commands in a shell.
func TestReadme(t *testing.T) {
	t.Parallel()
	free := freePorts(t, "8080", "8090", "8091", "9000")
	config := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(config, []byte(free.Replace(exampletest.Read(t, "Caddyfile"))), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(t)
	if len(blocks) <= len(ready) {
		t.Fatalf("the README has %d blocks for the shell", len(blocks))
	}
	env := environment(t)
	for i, what := range ready {
		command := strings.ReplaceAll(free.Replace(blocks[i]), "examples/quickstart/Caddyfile", config)
		start(t, env, command, what)
	}
	checkBrowser(t, free.Replace("http://127.0.0.1:8080/"))
	got := paste(t, env, free.Replace(strings.Join(blocks[len(ready):], "\n")))
	if !strings.HasPrefix(got, "HTTP/1.1 401 Unauthorized\r\n") {
		t.Errorf("it does not begin with a refusal:\n%s", got)
	}
	if want := regexp.MustCompile(`\nHello, Lien Peeters\.\nYou are [A-Za-z0-9-]{43}=, identified with LoA high\.\n$`); !want.MatchString(got) {
		t.Errorf("it does not end with the person's name:\n%s", got)
	}
}

// freePorts replaces the README's ports by free ones.
func freePorts(t *testing.T, fixed ...string) *strings.Replacer {
	t.Helper()
	var pairs []string
	for _, port := range fixed {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only then, so that no two are the same
		_, free, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, ":"+port, ":"+free)
	}
	return strings.NewReplacer(pairs...)
}

// shellBlocks returns the README's commands, in order.
func shellBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	for _, found := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(exampletest.Read(t, "README.md"), -1) {
		blocks = append(blocks, found[1])
	}
	return blocks
}

// environment returns an environment with its own home folder, and with Go's caches.
func environment(t *testing.T) []string {
	t.Helper()
	env := append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatalf("go env %s: %v", name, err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env
}

// start runs a program until the test ends. It returns when the program prints that it serves.
func start(t *testing.T, env []string, command, ready string) {
	t.Helper()
	output := &watch{want: []byte(ready), seen: make(chan struct{})}
	// Without the test's context: that would kill go run, and not the program that it runs.
	program := exec.Command("bash", "-c", command)
	program.Dir, program.Env, program.Stdout, program.Stderr = root, env, output, output
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = program.Wait() // the output has the cause
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-program.Process.Pid, syscall.SIGINT) // to the whole group, as by Ctrl-C
		<-ended
	})
	select {
	case <-output.seen:
	case <-ended:
		t.Fatalf("%s\nended with\n%s", command, output.printed.String())
	}
}

// watch holds the output of a program, and signals when a text is printed.
type watch struct {
	printed bytes.Buffer
	want    []byte
	seen    chan struct{}
	once    sync.Once
}

// Write implements io.Writer.
func (w *watch) Write(p []byte) (int, error) {
	w.printed.Write(p)
	if bytes.Contains(w.printed.Bytes(), w.want) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(p), nil
}

// checkBrowser checks that a browser is sent to the login page.
func checkBrowser(t *testing.T, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || to != url+"itsme/login?return_to=%2F" {
		t.Errorf("a browser is answered %d and sent to %q", answer.StatusCode, to)
	}
}

// paste runs lines in a shell, and returns the output.
func paste(t *testing.T, env []string, lines string) string {
	t.Helper()
	var stderr bytes.Buffer
	bash := exec.CommandContext(t.Context(), "bash")
	bash.Dir, bash.Env, bash.Stdin, bash.Stderr = root, env, strings.NewReader(lines), &stderr
	printed, err := bash.Output()
	if err != nil {
		t.Fatalf("bash: %v\n%s", err, stderr.String())
	}
	return string(printed)
}
