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

// program is caddy-itsme, built for these tests.
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

// stage is the demo with a browser in front of it. The fields are URLs.
type stage struct {
	Gateway, Simulator, Management string

	browser *browsertest.Browser
}

// addressLine is a line of what the demo prints at its start.
var addressLine = regexp.MustCompile(`^  (gateway|simulator|management) +(http://\S+)`)

func openStage(t *testing.T, o browsertest.Options) stage {
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
	t.Cleanup(func() { end(t, demo, &stderr) })
	urls := make(map[string]string)
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C"); {
		if found := addressLine.FindStringSubmatch(lines.Text()); found != nil {
			urls[found[1]] = found[2]
		}
	}
	s := stage{Gateway: urls["gateway"], Simulator: urls["simulator"], Management: urls["management"]}
	if s.Gateway == "" || s.Simulator == "" || s.Management == "" {
		t.Fatalf("the demo prints the addresses %v", urls)
	}
	s.browser = browsertest.Start(t, o)
	return s
}

// end does what Ctrl-C does, and wants a clean end.
func end(t *testing.T, demo *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if err := demo.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("interrupting the demo: %v", err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo after Ctrl-C: %v\n%s", err, stderr)
	}
}

// wanted is the page that everybody asks for.
const wanted = "/account?tab=2"

// begin opens a window and asks for a page, which ends on the login page.
func (s stage) begin(t *testing.T, as browsertest.Tab) *browsertest.Page {
	t.Helper()
	tab := s.browser.Open(t, as)
	tab.Go(s.Gateway + wanted)
	tab.See("h1")
	return tab
}

// oneTap opens itsme with one tap: the finger goes up when the answer is there.
func oneTap(tab *browsertest.Page) {
	release := tab.Press("#link")
	tab.Exists("#link[href]")
	release()
}

const (
	approveButton = "button[value=approve]"
	refuseButton  = "button[value=refuse]"
)

// arrived waits for the page that was asked for.
func (s stage) arrived(t *testing.T, tab *browsertest.Page) {
	t.Helper()
	tab.ReadsAmong("h1", "Hello, Lien")
	tab.See("dl")
	if got := tab.URL(); got != s.Gateway+wanted {
		t.Errorf("the login ended on %s, want %s", got, s.Gateway+wanted)
	}
}

// manage calls the simulator's management API.
func (s stage) manage(t *testing.T, method, path, body string, answer any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Management+path, strings.NewReader(body))
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

// expire ends at Signicat the session that a link belongs to.
func (s stage) expire(t *testing.T, link string) {
	t.Helper()
	var sessions []struct {
		ID   string `json:"id"`
		Link string `json:"authorization_request_url"`
	}
	s.manage(t, http.MethodGet, "/sessions", "", &sessions)
	for _, session := range sessions {
		if session.Link == link {
			s.manage(t, http.MethodPost, "/sessions/"+session.ID+"/expire", "", nil)
			return
		}
	}
	t.Fatalf("the simulator knows no session of this link among %d", len(sessions))
}
