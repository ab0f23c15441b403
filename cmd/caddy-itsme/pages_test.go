package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestCommandsOfREADME starts the demo in the ways that README has. TestOnce runs the one that ends by itself. This test
// is part of README's other command.
func TestCommandsOfREADME(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("\ngo run ./cmd/caddy-itsme demo ")) || !bytes.Contains(page, []byte("\nmake test ")) {
		t.Error("README does not begin with its two commands")
	}
	service := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(service.Close)
	lines := regexp.MustCompile("(?m)(?:^go run \\./cmd/caddy-itsme |`)(demo[^#`\n]*)[#`]").FindAllSubmatch(page, -1)
	if len(lines) != 3 {
		t.Fatalf("README starts the demo in %d ways, want 3", len(lines))
	}
	for _, line := range lines {
		if bytes.Equal(line[1], []byte("demo --once")) {
			continue
		}
		args := strings.Fields(strings.ReplaceAll(string(line[1]), "http://127.0.0.1:3000", service.URL))
		p := newProgram(t, append(args, onFreePorts[1:]...)...)
		p.serve(t)
		p.interrupt(t)
		p.leftNothing(t)
	}
}

// machineBlock is a block of commands for a machine on which Caddy runs.
var machineBlock = regexp.MustCompile("(?ms)^<!-- Run by TestCommandsOfThePages\\. -->\n```sh\n(.*?)^```$")

// machineConfig is the Caddyfile of that machine.
const machineConfig = `{
	admin ADMIN
	auto_https off
	persist_config off
	itsme {
		public_url http://SITE
		signicat {
			client_id     ` + signicattest.DefaultClientID + `
			client_secret ` + signicattest.DefaultClientSecret + `
			api_url       SIMULATOR
		}
		attributes name
	}
}
http://SITE {
	bind 127.0.0.1
	itsme
	respond ok
}
`

// TestCommandsOfThePages runs the commands that the pages have for operators, on a machine with a running Caddy, a
// token in token.txt, and a simulated Signicat.
func TestCommandsOfThePages(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	blocks := 0
	for _, page := range []string{"commands.md", "doctor.md", "leaks.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range machineBlock.FindAllSubmatch(text, -1) {
			blocks++
			for line := range strings.Lines(string(block[1])) {
				m.run(t, line)
			}
		}
	}
	if blocks < 4 {
		t.Errorf("the pages have %d blocks, want 4 or more", blocks)
	}
}

// machine has a running Caddy.
type machine struct {
	*program
	folder, admin string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	for range 3 { // another process may take a port that was free
		if m := startMachine(t); m != nil {
			return m
		}
	}
	t.Fatal("no gateway starts")
	return nil
}

func startMachine(t *testing.T) *machine {
	t.Helper()
	site := freeAddress(t)
	signicat, err := signicattest.Start(signicattest.Config{
		RedirectURLs: []string{"http://" + site + "/itsme/callback", "http://" + site + "/itsme/app/callback"}, AllowLoopbackHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signicat.Close)
	m := &machine{folder: t.TempDir(), admin: freeAddress(t)}
	config := strings.NewReplacer("ADMIN", m.admin, "SITE", site, "SIMULATOR", signicat.URL).Replace(machineConfig)
	m.write(t, "Caddyfile", config)
	m.program = newProgram(t, "run", "--config", filepath.Join(m.folder, "Caddyfile"))
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = m.Wait() // killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = m.Process.Kill()
		<-ended
	})
	if !awaitReady(t, "http://"+site+"/itsme/health/ready", ended) {
		t.Log(m.stderr.String())
		return nil
	}
	token, err := newApp(transcript{to: t.Output()}, "http://"+site).login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, "token.txt", token)
	return m
}

func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a line of a page. Commands must succeed, and answers of the admin endpoint must be no errors.
func (m *machine) run(t *testing.T, line string) {
	t.Helper()
	line = strings.NewReplacer(
		"caddy itsme", "caddy-itsme itsme", "/etc/caddy/Caddyfile", "Caddyfile",
		"localhost:2019", m.admin, "127.0.0.1:2019", m.admin, `"drop":["…"]`, `"drop":["`+m.nextKey(t)+`"]`,
	).Replace(line)
	bash := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", line)
	bash.Dir, bash.Env = m.folder, m.Env
	var stderr bytes.Buffer
	bash.Stderr = &stderr
	printed, err := bash.Output()
	if err != nil || len(printed) == 0 || bytes.Contains(printed, []byte(`"error"`)) {
		t.Errorf("%s%v\n%s%s", line, err, printed, stderr.String())
	}
}

// nextKey returns the ID of a key that may be dropped.
func (m *machine) nextKey(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", "-s", "http://"+m.admin+"/itsme/gateways").Output()
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Gateways []struct{ Keys []struct{ KID string } }
	}
	if err := json.Unmarshal(out, &state); err != nil || len(state.Gateways) != 1 || len(state.Gateways[0].Keys) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return state.Gateways[0].Keys[0].KID
}
