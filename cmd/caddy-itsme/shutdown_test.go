package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

const shutdownCaddyfile = `{
	admin off
	persist_config off
	storage_clean_interval off
	default_bind 127.0.0.1
	grace_period 10s
	storage file_system %s
	itsme {
		public_url %s
		signicat {
			client_id %s
			client_secret %s
			api_url %s
		}
		attributes name
	}
}
%s {
	itsme
	reverse_proxy %s
}
`

// gatewayProcess is one gateway with its sessions in memory, in a process as operators run it.
type gatewayProcess struct {
	*program
	*logintest.Env
	ended chan struct{}
	err   error // once it has ended
}

func runGateway(t *testing.T) *gatewayProcess {
	t.Helper()
	for range 3 { // another process may take a free port
		if r := startGateway(t); awaitReady(t, r.URL+logintest.Path+"/health/ready", r.ended) {
			return r
		}
	}
	t.Fatal("no gateway starts")
	return nil
}

func startGateway(t *testing.T) *gatewayProcess {
	t.Helper()
	upstream := new(logintest.Upstream)
	behind := httptest.NewServer(upstream)
	t.Cleanup(behind.Close)
	signicat, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := "http://" + freeAddress(t)
	simulator, err := signicattest.StartOn(signicat, signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{site + logintest.Path + "/callback", site + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	file := filepath.Join(t.TempDir(), "Caddyfile")
	config := fmt.Sprintf(shutdownCaddyfile, t.TempDir(), site,
		signicattest.DefaultClientID, signicattest.DefaultClientSecret, simulator.URL, site, behind.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &gatewayProcess{
		program: newProgram(t, "run", "--config", file, "--adapter", "caddyfile"),
		Env:     &logintest.Env{URL: site, Signicat: simulator, Upstream: upstream},
		ended:   make(chan struct{}),
	}
	if err := r.Start(); err != nil {
		t.Fatalf("starting caddy-itsme: %v", err)
	}
	go func() {
		r.err = r.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		_ = r.Process.Kill()
		<-r.ended
	})
	return r
}

// terminate sends SIGTERM, as systemd and Kubernetes do, and checks for a clean end within the grace period.
func (r *gatewayProcess) terminate(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("terminating: %v", err)
	}
	<-r.ended
	if took := time.Since(began); r.err != nil || took > 10*time.Second {
		t.Errorf("it ended after %s: %v\n%s", took, r.err, r.stderr.String())
	}
}

// awaitCall waits until Signicat has received one more call.
func (r *gatewayProcess) awaitCall(t *testing.T, operation string, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); r.Signicat.Count(operation) == before; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s was not called", operation)
		}
	}
}

// TestTerminatedGatewayFinishesWhatIsUnderWay ends the process while Signicat validates a code. The app still gets the
// token.
func TestTerminatedGatewayFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"validate_code", "read_session"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			r := runGateway(t)
			r.NewApp().Login(t, "adult")
			app := r.NewApp()
			app.Start(t)
			code, state := app.Approve(t, "adult")
			if err := r.Signicat.Script(signicattest.Fault{Operation: operation, Call: 1, Delay: time.Second}); err != nil {
				t.Fatal(err)
			}
			before := r.Signicat.Count(operation)
			answer := make(chan logintest.Answer, 1)
			go func() { answer <- app.Redeem(t, code, state) }()
			r.awaitCall(t, operation, before)
			r.terminate(t)
			if got := <-answer; got.Status != http.StatusOK || got.Text("access_token") == "" {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
}

// TestTerminatedGatewayEndsLongPolls ends the process while an app waits for its login. The long poll must not delay the
// end.
func TestTerminatedGatewayEndsLongPolls(t *testing.T) {
	t.Parallel()
	r := runGateway(t)
	app := r.NewApp()
	app.Start(t)
	if err := r.Signicat.Script(signicattest.Fault{Operation: "read_session", Call: 1, Delay: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	answer := make(chan logintest.Answer, 1)
	began := time.Now()
	go func() { answer <- app.Get(t, "/sessions/"+app.SessionID+"?wait=25s") }()
	r.awaitCall(t, "read_session", 0)
	r.terminate(t)
	if got := <-answer; got.Text("status") != "pending" || time.Since(began) > 9*time.Second {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
}
