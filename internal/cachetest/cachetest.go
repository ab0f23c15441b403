//go:build unix

// Package cachetest puts the shared caches that people run in front of a server: Debian's nginx, Apache
// and HAProxy, as they are. [Suite] attacks users through any cache.
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

// What operators write for nginx.
const (
	// StoreAll stores what says nothing of caches.
	StoreAll = "proxy_cache_valid 200 301 404 10m;"
	// IgnoreSetCookie stores answers that set a cookie.
	IgnoreSetCookie = "proxy_ignore_headers Set-Cookie;"
	// ObeyAccelExpires stores what X-Accel-Expires names, whatever Cache-Control forbids.
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

// NGINX starts nginx in front of an address, with more lines of configuration, and returns its own.
func NGINX(t testing.TB, origin string, lines ...string) (addr string) {
	t.Helper()
	listener, socket := listen(t)
	dir := t.TempDir()
	addr = listener.Addr().String()
	config := write(t, dir, strings.NewReplacer("LISTEN", addr, "ORIGIN", origin, "LINES", strings.Join(lines, "\n")).Replace(nginxConfig))
	// NGINX names a socket that is listened on already, as for nginx when it replaces itself: the
	// kernel keeps connections until it is ready (https://nginx.org/en/docs/control.html).
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

// HAProxy starts HAProxy in front of an address and returns its own.
func HAProxy(t testing.TB, origin string) (addr string) {
	t.Helper()
	listener, socket := listen(t)
	config := write(t, t.TempDir(), strings.ReplaceAll(haproxyConfig, "ORIGIN", origin))
	start(t, []*os.File{socket}, nil, "haproxy", "-db", "-f", config)
	return listener.Addr().String()
}

// apacheConfig keeps the cache in memory: its processes give up root, and may read no folder of ours.
const apacheConfig = `
ServerRoot "DIR"
ServerName localhost
PidFile "DIR/pid"
DefaultRuntimeDir "DIR"
Mutex posixsem
User daemon
Group daemon
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

// apacheModules is where Debian keeps them.
const apacheModules = "/usr/lib/apache2/modules"

// Apache starts Apache's mod_cache in front of an address and returns its own.
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

// listen takes a free port of loopback, and a copy of its socket for a child process.
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

// log is what a program writes to its standard error.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wants []want
	ended chan struct{}
}

type want struct {
	text string
	seen chan struct{}
}

func (l *log) read(lines *bufio.Scanner) {
	defer close(l.ended)
	for lines.Scan() {
		l.mu.Lock()
		_, _ = fmt.Fprintln(&l.text, lines.Text())
		for i, w := range l.wants {
			if w.seen != nil && strings.Contains(lines.Text(), w.text) {
				close(w.seen)
				l.wants[i].seen = nil
			}
		}
		l.mu.Unlock()
	}
}

// await waits for a line that holds a text, or for the program's end.
func (l *log) await(text string) (seen bool) {
	w := want{text, make(chan struct{})}
	l.mu.Lock()
	if strings.Contains(l.text.String(), text) {
		close(w.seen)
	} else {
		l.wants = append(l.wants, w)
	}
	l.mu.Unlock()
	select {
	case <-w.seen:
		return true
	case <-l.ended:
		return false
	}
}

// String implements fmt.Stringer.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
