package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// onFreePorts lets tests run side by side.
var onFreePorts = []string{"demo", "--gateway-port", "0", "--simulator-port", "0", "--management-port", "0", "--upstream-port", "0"}

// TestPastedLinesLogIn runs the lines that the demo prints for pasting in bash, unchanged.
func TestPastedLinesLogIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onFreePorts...)
	welcome := p.serve(t)
	_, lines, _ := strings.Cut(welcome, "paste into bash")
	_, lines, _ = strings.Cut(lines, "\n")
	lines, _, _ = strings.Cut(lines, "\nPress Ctrl-C")
	bash := exec.CommandContext(t.Context(), "bash")
	bash.Stdin = strings.NewReader(lines)
	var stderr bytes.Buffer
	bash.Stderr = &stderr
	printed, err := bash.Output()
	if err != nil {
		t.Fatalf("bash: %v\n%s", err, stderr.String())
	}
	if !bytes.HasPrefix(printed, []byte("HTTP/1.1 401 Unauthorized\r\n")) {
		t.Errorf("it does not begin with a refusal:\n%s", printed)
	}
	var seen request
	end := bytes.LastIndex(printed, []byte("\n{"))
	if err := json.Unmarshal(printed[max(end, 0):], &seen); err != nil {
		t.Fatalf("it does not end with what the upstream saw: %v\n%s", err, printed)
	}
	if name := seen.Headers["X-Itsme-Name"]; name != "Lien Peeters" {
		t.Errorf("the upstream saw %q", name)
	}
	p.interrupt(t)
	p.leftNothing(t)
}

// TestDemoProtectsAnotherService logs in to a service that the command line names.
func TestDemoProtectsAnotherService(t *testing.T) {
	t.Parallel()
	service := new(logintest.Upstream)
	listening := httptest.NewServer(service)
	t.Cleanup(listening.Close)
	p := newProgram(t, slices.Concat(onFreePorts, []string{"--upstream", listening.URL})...)
	a := newApp(transcript{to: t.Output()}, address(t, p.serve(t)))
	if _, err := a.refused(t.Context()); err != nil || service.Count() > 0 {
		t.Errorf("without a login: %v, and the service got %d requests", err, service.Count())
	}
	token, err := a.login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.get(t.Context(), http.StatusOK, a.gateway+"/", "Authorization", "Bearer "+token); err != nil {
		t.Fatal(err)
	}
	if name := service.Last().Get("X-Itsme-Name"); name != "Lien Peeters" {
		t.Errorf("the service got the name %q", name)
	}
	p.interrupt(t)
	p.leftNothing(t)
}

// TestInterruptDuringLongPoll ends the demo while an app waits for its login.
func TestInterruptDuringLongPoll(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onFreePorts...)
	welcome := p.serve(t)
	a := newApp(transcript{to: t.Output()}, address(t, welcome))
	session, err := a.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting, answered := make(chan struct{}), make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(waiting) },
	})
	go func() {
		defer close(answered)
		_, _ = a.get(ctx, http.StatusOK, a.gateway+"/itsme/sessions/"+session.SessionID+"?wait=25s")
	}()
	<-waiting
	p.interrupt(t)
	<-answered // or cut, when the signal was faster than the request
	p.leftNothing(t)
}

// TestLocalhostLeadsToTheGateway: a browser does not send a cookie of 127.0.0.1 to localhost. A login must
// start and end on the same host.
func TestLocalhostLeadsToTheGateway(t *testing.T) {
	t.Parallel()
	p := newProgram(t, onFreePorts...)
	gateway := address(t, p.serve(t))
	b, err := newBrowser(transcript{to: t.Output()}, gateway)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := b.get(t.Context(), http.StatusFound, strings.Replace(gateway, loopback, "localhost", 1)+"/page?n=1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sent.Header.Get("Location"), gateway+"/page?n=1"; got != want {
		t.Errorf("localhost leads to %q, want %q", got, want)
	}
	p.interrupt(t)
}

// address finds the gateway's address among those that the demo prints.
func address(t *testing.T, welcome string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^  gateway +(http://\S+)`).FindStringSubmatch(welcome)
	if found == nil {
		t.Fatalf("no address of the gateway in:\n%s", welcome)
	}
	return found[1]
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for _, flag := range []string{gatewayFlag, simulatorFlag, managementFlag, upstreamFlag} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			wantPortInUse(t, flag, taken.Addr().String())
		})
	}
}

// TestGatewayPortOfAnotherCaddy: two Caddys of one user would share the port.
func TestGatewayPortOfAnotherCaddy(t *testing.T) {
	t.Parallel()
	first := newProgram(t, onFreePorts...)
	gateway := address(t, first.serve(t))
	wantPortInUse(t, gatewayFlag, strings.TrimPrefix(gateway, "http://"))
	first.interrupt(t)
}

func wantPortInUse(t *testing.T, flag, address string) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "demo", "--once", "--"+flag, port)
	status := p.finish(t)
	want := "Error: listen tcp " + address + ": bind: address already in use; stop the program that uses the port, or choose another port with --" + flag + "\n"
	if got := p.stderr.String(); status != 1 || got != want {
		t.Errorf("status %d and\n%swant 1 and\n%s", status, got, want)
	}
	if p.stdout.Len() > 0 {
		t.Errorf("it printed\n%s", p.stdout.String())
	}
	p.leftNothing(t)
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"a port that is none":        {"--gateway-port", "70000"},
		"a word":                     {"once"},
		"an unknown flag":            {"--port", "8080"},
		"a service without a scheme": {"--upstream", "127.0.0.1:3000"},
		"a service with a path":      {"--upstream", "http://127.0.0.1:3000/api"},
		"a service and once":         {"--once", "--upstream", "http://127.0.0.1:3000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, append([]string{"demo"}, args...)...)
			status := p.finish(t)
			if got := p.stderr.String(); status != 1 || strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "Error: ") {
				t.Errorf("status %d and\n%swant 1 and one line", status, got)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "demo", "--help")
	if status := p.finish(t); status != 0 {
		t.Errorf("status %d\n%s", status, p.stderr.String())
	}
	help := p.stdout.String()
	for _, want := range []string{
		"caddy-itsme demo [--once] [--upstream <url>]", "--once", "8080", "8090", "8091", "9000",
		"--" + gatewayFlag, "--" + simulatorFlag, "--" + managementFlag, "--" + upstreamFlag,
	} {
		if !strings.Contains(help, want) {
			t.Errorf("no %q in\n%s", want, help)
		}
	}
	p.leftNothing(t)
}
