// Package demotest runs caddy-itsme demo for tests that play browsers.
package demotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Demo is a caddy-itsme demo that runs. The fields are URLs.
type Demo struct{ Gateway, Simulator, Management string }

// Build compiles the program from the root of the repository.
func Build(root, program string) ([]byte, error) {
	build := exec.Command("go", "build", "-o", program, "./cmd/caddy-itsme")
	build.Dir = root
	return build.CombinedOutput()
}

// addressLine is a line with an address in what the demo prints at its start.
var addressLine = regexp.MustCompile(`^  (gateway|simulator|management) +(http://\S+)`)

// Start runs the demo of a program on free ports until the test ends.
func Start(t testing.TB, program string) Demo {
	t.Helper()
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
	t.Cleanup(func() { stop(t, command, &stderr) })
	urls := make(map[string]string)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C") {
		if found := addressLine.FindStringSubmatch(lines.Text()); found != nil {
			urls[found[1]] = found[2]
		}
	}
	d := Demo{Gateway: urls["gateway"], Simulator: urls["simulator"], Management: urls["management"]}
	if d.Gateway == "" || d.Simulator == "" || d.Management == "" {
		t.Fatalf("the demo prints the addresses %v\n%s", urls, &stderr)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return d
}

// stop sends the demo the signal of Ctrl-C, and wants it to end without an error.
func stop(t testing.TB, demo *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if err := demo.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("interrupting the demo: %v", err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo after Ctrl-C: %v\n%s", err, stderr)
	}
}

// Manage calls the simulator's management API. It reads the answer into answer, unless that is nil.
func (d Demo) Manage(t testing.TB, method, path, body string, answer any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.Management+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s %v", method, path, response.StatusCode, &text, err)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text.Bytes(), answer); err != nil {
		t.Fatal(err)
	}
}

// Session is a session at the simulator.
type Session struct {
	ID   string `json:"id"`
	Link string `json:"authorization_request_url"`
}

// Sessions returns the sessions at the simulator.
func (d Demo) Sessions(t testing.TB) (sessions []Session) {
	t.Helper()
	d.Manage(t, http.MethodGet, "/sessions", "", &sessions)
	return sessions
}

// SessionOf returns the ID of the session of a link.
func (d Demo) SessionOf(t testing.TB, link string) string {
	t.Helper()
	sessions := d.Sessions(t)
	for _, session := range sessions {
		if session.Link == link {
			return session.ID
		}
	}
	t.Fatalf("the simulator knows no session of this link among %d", len(sessions))
	return ""
}

// Approve approves a session, and returns the URL that itsme opens.
func (d Demo) Approve(t testing.TB, session string) (callback string) {
	t.Helper()
	var sent struct {
		RedirectURL string `json:"redirect_url"`
	}
	d.Manage(t, http.MethodPost, "/sessions/"+session+"/approve", "{}", &sent)
	return sent.RedirectURL
}

// Expire ends a session.
func (d Demo) Expire(t testing.TB, session string) {
	t.Helper()
	d.Manage(t, http.MethodPost, "/sessions/"+session+"/expire", "", nil)
}
