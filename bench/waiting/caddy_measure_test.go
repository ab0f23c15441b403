//go:build measure

package waiting_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-itsme/caddy-itsme/bench/waiting"
	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const caddyfile = `{
	admin %[1]s
	persist_config off
	storage_clean_interval off
	storage file_system %[2]s
	log {
		level WARN
	}
	itsme {
		public_url http://%[3]s
		signicat {
			client_id %[4]s
			client_secret %[5]s
			api_url %[6]s
		}
		attributes name firstName lastName dateOfBirth
		limit {
			sessions_per_client 1000000 1s
			token_per_client 1000000 1s
			pending 1000000
			pending_per_client 1000000
			long_polls_per_client 1000000
		}
		%[7]s
	}
}

http://%[3]s {
	bind 127.0.0.1
	itsme
	respond 204
}
`

// caddy is a Caddy in a process of its own, and the simulator that it calls.
type caddy struct {
	address, admin string
	command        *exec.Cmd
	signicat       *signicattest.Server
	finished       map[string]bool // sessions
}

func startCaddy(t *testing.T) *caddy {
	t.Helper()
	c := &caddy{address: freeAddress(t), admin: freeAddress(t), finished: make(map[string]bool)}
	var err error
	c.signicat, err = signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true, MaxSessions: *apps + 10_000,
		RedirectURLs: []string{"http://" + c.address + "/itsme/callback", "http://" + c.address + "/itsme/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.signicat.Close)
	store := "store memory"
	if *redis != "" {
		store = "store redis {\n\t\t\taddress " + *redis + "\n\t\t\tsecret 0123456789abcdef0123456789abcdef\n\t\t}"
	}
	file := filepath.Join(t.TempDir(), "Caddyfile")
	config := fmt.Sprintf(caddyfile, c.admin, t.TempDir(), c.address, signicattest.DefaultClientID, signicattest.DefaultClientSecret, c.signicat.URL, store)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c.command = exec.Command("measured-caddy", "run", "--config", file, "--adapter", "caddyfile")
	c.command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	c.command.Stderr = os.Stderr
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
	})
	c.awaitReady(t)
	return c
}

func (c *caddy) awaitReady(t *testing.T) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if answer, err := http.Get("http://" + c.address + "/itsme/health/ready"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatal("Caddy is not ready")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddress returns a free address on loopback.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sample is the state of the process at a time.
type sample struct {
	at                time.Time
	cpu               time.Duration
	resident          int64
	goroutines, polls int
}

func (c *caddy) sample(t *testing.T, polls *waiting.Latencies) sample {
	t.Helper()
	s := sample{at: time.Now(), goroutines: c.goroutines(t), polls: polls.Len()}
	var err error
	if s.cpu, err = waiting.CPU(c.command.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if s.resident, err = waiting.Resident(c.command.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return s
}

// goroutines asks Caddy's admin endpoint.
func (c *caddy) goroutines(t *testing.T) (n int) {
	t.Helper()
	answer, err := http.Get("http://" + c.admin + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := fmt.Fscanf(io.LimitReader(answer.Body, 100), "goroutine profile: total %d", &n); err != nil {
		t.Fatalf("reading the profile: %v", err)
	}
	return n
}

// reads returns the reads at Signicat in a time, by session, without those of logins that finished.
func (c *caddy) reads(from, to time.Time) map[string]int {
	reads := make(map[string]int)
	for _, call := range c.signicat.Calls() {
		id := path.Base(call.Path)
		if call.Operation == signicattest.OperationReadSession && call.Time.After(from) && call.Time.Before(to) && !c.finished[id] {
			reads[id]++
		}
	}
	return reads
}
