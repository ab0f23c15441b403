//go:build unix

// Package nginx_test runs Debian's nginx with this folder's configuration, in front of an upstream that records
// every byte, and beside a running Caddy.
package nginx_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule"
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// env is nginx, the gateway that it asks, and the service behind it.
type env struct {
	*logintest.Env
	nginx   string // address
	gateway string // address
	service *rawhttptest.Upstream
	log     string // nginx's access log
}

// run starts an env. Change replaces texts in the Caddyfile.
func run(t *testing.T, change ...string) *env {
	t.Helper()
	return runWith(t, nil, change...)
}

// runWith also replaces texts in nginx.conf.
func runWith(t *testing.T, nginx []string, change ...string) *env {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	e := &env{nginx: listener.Addr().String(), service: rawhttptest.NewUpstream(t)}
	e.Env = &logintest.Env{URL: "http://" + e.nginx}
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
	e.gateway = caddytest.Run(t, exampletest.Replaced(t, caddyfile, change...)).Addr
	e.startNginx(t, listener, nginx...)
	return e
}

// startNginx passes a listening socket to nginx, as when nginx replaces its own binary
// (https://nginx.org/en/docs/control.html). The address is known before nginx starts, and the kernel queues
// connections until nginx is ready.
func (e *env) startNginx(t *testing.T, listener net.Listener, change ...string) {
	t.Helper()
	dir := t.TempDir()
	e.log = filepath.Join(dir, "access.log")
	config := exampletest.Replaced(t, exampletest.Replaced(t, exampletest.Read(t, "nginx.conf"), change...),
		"127.0.0.1:8080", e.nginx, "127.0.0.1:8081", e.gateway, "127.0.0.1:9000", e.service.Addr(),
		"http {", "http {\naccess_log access.log;\nclient_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;")
	for name, text := range map[string]string{"nginx.conf": config, "identity.conf": exampletest.Read(t, "identity.conf"), "cache.conf": exampletest.Read(t, "cache.conf")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var log bytes.Buffer
	nginx := exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr", "-g", "daemon off; pid nginx.pid;")
	nginx.Env = append(os.Environ(), "NGINX=3;")
	nginx.ExtraFiles = []*os.File{socket}
	nginx.Stderr = &log
	if err := nginx.Start(); err != nil {
		t.Fatalf("starting Debian's nginx-light: %v", err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		if err := nginx.Wait(); err != nil || t.Failed() {
			t.Logf("nginx ended with %v: %s", err, log.String())
		}
	})
}

// ask sends a raw request to nginx. It returns the answer, and the request that the service received.
func (e *env) ask(t *testing.T, method, target string, lines ...string) (rawhttptest.Answer, string) {
	t.Helper()
	head := method + " " + target + " HTTP/1.1\r\nHost: " + e.nginx + "\r\nConnection: close\r\n"
	answer := rawhttptest.Do(t, e.nginx, head+strings.Join(lines, "")+"\r\n")
	return answer, strings.Join(e.service.Take(), "")
}
