package browser_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/test/internal/browsertest"
)

// program is the path of caddy-itsme, built for these tests.
var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "caddy-itsme-browser-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "caddy-itsme")
	build := exec.Command("go", "build", "-o", program, "./cmd/caddy-itsme")
	build.Dir = filepath.Join("..", "..")
	code := 1
	if out, err := build.CombinedOutput(); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintf(os.Stderr, "building caddy-itsme: %v\n%s", err, out)
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// env is the demo and a browser. The exported fields are URLs.
type env struct {
	Gateway, Simulator, Management string

	browser *browsertest.Browser
}

// addressLine is a line with an address in what the demo prints at its start.
var addressLine = regexp.MustCompile(`^  (gateway|simulator|management) +(http://\S+)`)

// newEnv runs the demo and Chromium until the test ends.
func newEnv(t *testing.T, o browsertest.Options) env {
	t.Helper()
	return newDemo(t, browsertest.Start(t, o))
}

// newDemo runs the demo until the test ends, for a browser that runs.
func newDemo(t *testing.T, browser *browsertest.Browser) env {
	t.Helper()
	demo := exec.Command(program, "demo", "--gateway-port", "0", "--simulator-port", "0", "--management-port", "0", "--upstream-port", "0")
	demo.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "TMPDIR="+t.TempDir())
	var stderr bytes.Buffer
	demo.Stderr = &stderr
	stdout, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopDemo(t, demo, &stderr) })
	urls := make(map[string]string)
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C"); {
		if found := addressLine.FindStringSubmatch(lines.Text()); found != nil {
			urls[found[1]] = found[2]
		}
	}
	e := env{Gateway: urls["gateway"], Simulator: urls["simulator"], Management: urls["management"]}
	if e.Gateway == "" || e.Simulator == "" || e.Management == "" {
		t.Fatalf("the demo prints the addresses %v", urls)
	}
	e.browser = browser
	return e
}

// stopDemo sends the demo the signal of Ctrl-C, and wants it to end without an error.
func stopDemo(t *testing.T, demo *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if err := demo.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("interrupting the demo: %v", err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo after Ctrl-C: %v\n%s", err, stderr)
	}
}

// requestedPage is the page that the tests ask for.
const requestedPage = "/account?tab=2"

// openLoginPage opens a window and asks for a page, which leads to the login page.
func (e env) openLoginPage(t *testing.T, as browsertest.Tab) *browsertest.Page {
	t.Helper()
	tab := e.browser.Open(t, as)
	tab.Go(e.Gateway + requestedPage)
	tab.See("h1")
	return tab
}

// holdLoginPage opens the login page and holds back the start of its login.
func (e env) holdLoginPage(t *testing.T, as browsertest.Tab) (tab *browsertest.Page, next func() browsertest.Held) {
	t.Helper()
	tab = e.browser.Open(t, as)
	next = tab.Hold("*/itsme/login")
	tab.Go(e.Gateway + requestedPage)
	tab.See("#link")
	return tab, next
}

// tapLink opens itsme with one tap. The finger lifts when the link has arrived.
func tapLink(tab *browsertest.Page) {
	release := tab.Press("#link")
	tab.Exists("#link[href]")
	release()
}

const (
	approveButton = "button[value=approve]"
	refuseButton  = "button[value=refuse]"
)

// wantRequestedPage waits for the page that was asked for.
func (e env) wantRequestedPage(t *testing.T, tab *browsertest.Page) {
	t.Helper()
	e.wantPage(t, tab, requestedPage)
}

// wantPage waits for a page behind the login.
func (e env) wantPage(t *testing.T, tab *browsertest.Page, path string) {
	t.Helper()
	tab.ReadsAmong("h1", "Hello, Lien")
	tab.See("dl")
	if got := tab.URL(); got != e.Gateway+path {
		t.Errorf("the login ended on %s, want %s", got, e.Gateway+path)
	}
}

// manage calls the simulator's management API.
func (e env) manage(t *testing.T, method, path, body string, answer any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.Management+path, strings.NewReader(body))
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

// expire ends the session of a link at the simulator.
func (e env) expire(t *testing.T, link string) {
	t.Helper()
	e.manage(t, http.MethodPost, "/sessions/"+e.sessionOf(t, link)+"/expire", "", nil)
}

// sessionOf returns the ID of the session of a link at the simulator.
func (e env) sessionOf(t *testing.T, link string) string {
	t.Helper()
	var sessions []struct {
		ID   string `json:"id"`
		Link string `json:"authorization_request_url"`
	}
	e.manage(t, http.MethodGet, "/sessions", "", &sessions)
	for _, session := range sessions {
		if session.Link == link {
			return session.ID
		}
	}
	t.Fatalf("the simulator knows no session of this link among %d", len(sessions))
	return ""
}
