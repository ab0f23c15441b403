package caddymodule_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// phone is the operator's screen and keyboard. The operator approves the link on the screen, pastes the URL of
// the redirect, and presses Ctrl-C when the command waits for the end of another session.
type phone struct {
	signicat  *signicattest.Server
	interrupt context.CancelFunc

	once   sync.Once
	link   chan string
	screen strings.Builder // written by one goroutine
	input  io.Reader
}

func (p *phone) Write(text []byte) (int, error) {
	p.screen.Write(text)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, p.signicat.URL) {
			p.once.Do(func() { p.link <- line })
		}
		if strings.Contains(line, "Ctrl-C leaves it out") {
			p.interrupt()
		}
	}
	return len(text), nil
}

func (p *phone) Read(into []byte) (int, error) {
	if p.input == nil {
		redirected, err := p.signicat.Approve(<-p.link, "adult")
		if err != nil {
			return 0, err
		}
		p.input = strings.NewReader(redirected + "\n\n")
	}
	return p.input.Read(into)
}

// newLoginEnv returns a gateway whose redirect URLs are on the simulator's allow-list.
func newLoginEnv(t *testing.T) env {
	t.Helper()
	c := newEnv(t)
	var err error
	c.signicat, err = signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true, RedirectURLs: []string{c.server.URL + "/itsme/callback", c.server.URL + "/itsme/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.signicat.Close)
	return c
}

// TestDoctorLogsIn walks through a login, and looks for the user and secrets in the report.
func TestDoctorLogsIn(t *testing.T) {
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			c := newLoginEnv(t)
			file := c.file()
			report := filepath.Join(t.TempDir(), "report.json")
			args := []string{"doctor", "--login", "--config", file, "--report", report}
			if kind == "app" {
				args = append(args, "--app")
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := &phone{signicat: c.signicat, interrupt: cancel, link: make(chan string, 1)}
			command := &cobra.Command{Use: "itsme", SilenceErrors: true, SilenceUsage: true}
			caddycmd.Commands()["itsme"].CobraFunc(command)
			command.SetIn(p)
			command.SetOut(p)
			command.SetArgs(args)
			if err := command.ExecuteContext(ctx); err != nil {
				t.Fatalf("%v\n%s", err, p.screen.String())
			}
			text, err := os.ReadFile(report)
			if err != nil {
				t.Fatal(err)
			}
			var read struct {
				Redirect string
				Answers  map[string]string
			}
			if err := json.Unmarshal(text, &read); err != nil || read.Redirect != kind || read.Answers["validation"] != "200, empty body" {
				t.Errorf("%v: %s\n%s", err, text, p.screen.String())
			}
			person := c.signicat.Personas()[0]
			for _, secret := range []string{person.SubjectID, person.Attributes["name"], signicattest.DefaultClientSecret, signicattest.DefaultAccountID, "code=", "http://"} {
				if strings.Contains(string(text), secret) {
					t.Errorf("the report holds %q", secret)
				}
			}
			if info, err := os.Stat(report); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// TestDoctorLoginRefusesBeforeItStarts: a login costs money, so each mistake is found before it.
func TestDoctorLoginRefusesBeforeItStarts(t *testing.T) {
	c := newLoginEnv(t)
	file := c.file()
	there := writeCaddyfile(t, "a report of before")
	two := writeCaddyfile(t, strings.Replace(rightConfig, "#global", second("https://b.example.be", ""), 1))
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"offline", []string{"--config", file, "--offline"}, "none of the others can be"},
		{"JSON", []string{"--config", file, "--json"}, "none of the others can be"},
		{"two gateways", []string{"--config", two}, "name it with --gateway"},
		{"a file that exists", []string{"--config", file, "--report", there}, "exists; move it"},
		{"no folder", []string{"--config", file, "--report", "/nonexistent/report.json"}, "no such file or directory"},
		{"a configuration that does not load", []string{"--config", "/nonexistent"}, "no such file or directory"},
	} {
		out, err := itsmeReads(t, "", append([]string{"doctor", "--login"}, row.args...)...)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: it writes %q and ends with %v", row.name, out, err)
		}
	}
	if n := c.signicat.Count(signicattest.OperationCreateSession); n != 0 {
		t.Errorf("%d sessions were created", n)
	}
	report := filepath.Join(t.TempDir(), "report.json")
	if out, err := itsmeReads(t, "", "doctor", "--login", "--config", file, "--report", report); err == nil {
		t.Errorf("without input it writes %q", out)
	}
	if _, err := os.Stat(report); err == nil {
		t.Error("a report without a login is left")
	}
}
