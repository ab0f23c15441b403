//go:build unix

// Package cachetest runs shared caches in front of a server: nginx, Apache and HAProxy of Debian. [Suite]
// attacks users through any cache.
//
//	cache := cachetest.NGINX(t, origin, cachetest.StoreAll, cachetest.IgnoreSetCookie)
//	answer := rawhttptest.Do(t, cache, "GET / HTTP/1.1\r\nHost: a.example\r\n…")
package cachetest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Lines of nginx configuration that operators use.
const (
	// StoreAll stores responses without fields for caches.
	StoreAll = "proxy_cache_valid 200 301 404 10m;"
	// IgnoreSetCookie stores responses that set a cookie.
	IgnoreSetCookie = "proxy_ignore_headers Set-Cookie;"
	// ObeyAccelExpires stores responses by X-Accel-Expires, even if Cache-Control forbids it.
	ObeyAccelExpires = "proxy_ignore_headers Set-Cookie Cache-Control Expires;"
)

const nginxConfig = `
user root;
events {}
http {
	access_log off;
	client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
	proxy_cache_path cache keys_zone=c:1m;
	server {
		listen LISTEN;
		location / {
			proxy_cache c;
			LINES
			proxy_set_header Host $http_host;
			proxy_pass http://ORIGIN;
		}
	}
}
`

// NGINX starts nginx in front of an address, with more lines of configuration, and returns nginx's address.
func NGINX(t testing.TB, origin string, lines ...string) (addr string) {
	t.Helper()
	listener, socket := listen(t)
	dir := t.TempDir()
	addr = listener.Addr().String()
	config := write(t, dir, strings.NewReplacer("LISTEN", addr, "ORIGIN", origin, "LINES", strings.Join(lines, "\n")).Replace(nginxConfig))
	// The variable NGINX passes a socket that already listens, as when nginx replaces its own binary. The
	// kernel queues connections until nginx is ready (https://nginx.org/en/docs/control.html).
	start(t, []*os.File{socket}, []string{"NGINX=3;"}, "nginx", "-p", dir, "-c", config, "-e", "stderr", "-g", "daemon off; pid nginx.pid;")
	return addr
}

const haproxyConfig = `
defaults
	mode http
	timeout connect 30s
	timeout client 30s
	timeout server 30s
cache c
	total-max-size 4
	max-object-size 100000
	max-age 600
	process-vary on
frontend f
	bind fd@3
	http-request cache-use c
	http-response cache-store c
	default_backend b
backend b
	server s ORIGIN
`

// HAProxy starts HAProxy in front of an address, and returns HAProxy's address.
func HAProxy(t testing.TB, origin string) (addr string) {
	t.Helper()
	listener, socket := listen(t)
	config := write(t, t.TempDir(), strings.ReplaceAll(haproxyConfig, "ORIGIN", origin))
	start(t, []*os.File{socket}, nil, "haproxy", "-db", "-f", config)
	return listener.Addr().String()
}

// apacheConfig keeps the cache in memory: Apache's processes drop root, and cannot read the test's folder.
const apacheConfig = `
ServerRoot "DIR"
ServerName localhost
PidFile "DIR/pid"
DefaultRuntimeDir "DIR"
Mutex posixsem
User www-data
Group www-data
ErrorLog /dev/stderr
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule proxy_module MODULES/mod_proxy.so
LoadModule proxy_http_module MODULES/mod_proxy_http.so
LoadModule socache_shmcb_module MODULES/mod_socache_shmcb.so
LoadModule cache_module MODULES/mod_cache.so
LoadModule cache_socache_module MODULES/mod_cache_socache.so
Listen LISTEN
CacheSocache shmcb
CacheEnable socache /
CacheIgnoreNoLastMod On
CacheDefaultExpire 600
ProxyPreserveHost On
ProxyPass / http://ORIGIN/
`

// apacheModules is the folder of Debian's Apache modules.
const apacheModules = "/usr/lib/apache2/modules"

// Apache starts Apache's mod_cache in front of an address, and returns Apache's address.
func Apache(t testing.TB, origin string) (addr string) {
	t.Helper()
	const attempts = 3
	for n := 1; ; n++ { // a free port can be taken by another program before Apache listens on it
		listener, socket := listen(t)
		addr = listener.Addr().String()
		_, _ = listener.Close(), socket.Close()
		dir := t.TempDir()
		config := write(t, dir, strings.NewReplacer("DIR", dir, "MODULES", apacheModules, "LISTEN", addr, "ORIGIN", origin).Replace(apacheConfig))
		log := start(t, nil, nil, "apache2", "-DFOREGROUND", "-f", config)
		if log.await("resuming normal operations") {
			return addr
		}
		if n == attempts || !strings.Contains(log.String(), "could not bind") {
			t.Fatalf("Apache did not start: %s", log)
		}
	}
}

// listen listens on a free port of loopback, and returns a copy of the socket for a child process.
func listen(t testing.TB) (net.Listener, *os.File) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return listener, socket
}

func write(t testing.TB, dir, config string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs a program until the test ends.
func start(t testing.TB, files []*os.File, env []string, name string, args ...string) *log {
	t.Helper()
	program := exec.Command(name, args...)
	program.Env = append(os.Environ(), env...)
	program.ExtraFiles = files
	l := &log{ended: make(chan struct{})}
	l.grew.L = &l.mu
	reader, err := program.StderrPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatalf("starting Debian's %s: %v; make test installs what is missing", name, err)
	}
	go l.read(bufio.NewScanner(reader))
	t.Cleanup(func() {
		_ = program.Process.Signal(syscall.SIGTERM)
		<-l.ended
		if err := program.Wait(); t.Failed() {
			t.Logf("%s ended with %v: %s", name, err, l)
		}
	})
	return l
}

// log holds the standard error of a program.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	over  bool      // the program has ended
	grew  sync.Cond // text or over has changed
	ended chan struct{}
}

func (l *log) read(lines *bufio.Scanner) {
	defer close(l.ended)
	for more := true; more; {
		more = lines.Scan()
		l.mu.Lock()
		l.over = !more
		_, _ = fmt.Fprintln(&l.text, lines.Text())
		l.grew.Broadcast()
		l.mu.Unlock()
	}
}

// await waits for a text, or for the end of the program.
func (l *log) await(text string) (seen bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !strings.Contains(l.text.String(), text) && !l.over {
		l.grew.Wait()
	}
	return strings.Contains(l.text.String(), text)
}

// String implements fmt.Stringer.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
