package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// env is a gateway of several replicas behind a balancer without sticky sessions. Each replica is a process
// with a storage of its own. They share one Redis.
type env struct {
	*logintest.Env
	replicas    []*replica
	behind      string // the upstream's URL
	redis       *exec.Cmd
	redisDir    string
	appendfsync string
	redisAt     string
	line        *redistest.Line // from the replicas to Redis
	store       string          // what the block of store redis has of addresses; empty for the line
	config      string          // the Caddyfile of the first replica
	// authority is the file with the certificate that the replicas trust.
	authority  string
	turn       atomic.Uint64
	toReplicas *http.Transport // of the balancer
	resend     atomic.Bool     // the balancer sends again what a replica did not answer
	only       atomic.Int64    // the number of a replica, from 1: requests go to it alone
}

// replica is one replica of an env.
type replica struct {
	ahead   time.Duration // of its clock, in the build of the soak
	process *exec.Cmd
	exited  chan struct{} // closed when the process has ended
	storage string        // the folder in which it keeps a copy of the keys
	backend atomic.Pointer[url.URL]
	admin   string // where Caddy's admin endpoint listens
	away    atomic.Bool
}

// newEnv starts two replicas.
func newEnv(t *testing.T) *env {
	t.Helper()
	return newEnvWith(t, "always", new(replica), new(replica))
}

// newEnvWith starts these replicas, and Redis with the option appendfsync. A test that stops Redis needs
// "always".
func newEnvWith(t *testing.T, appendfsync string, replicas ...*replica) *env {
	t.Helper()
	e := &env{replicas: replicas, appendfsync: appendfsync, redisDir: t.TempDir(), redisAt: freeAddress(t)}
	e.startRedis(t)
	t.Cleanup(func() { e.stopRedis() })
	e.line = redistest.NewLine(t, e.redisAt)
	return e.start(t)
}

// start starts everything but Redis.
func (e *env) start(t *testing.T) *env {
	t.Helper()
	e.toReplicas = &http.Transport{MaxIdleConnsPerHost: 100}
	for _, r := range e.replicas {
		r.storage = t.TempDir()
	}
	upstream := new(logintest.Upstream)
	behind := httptest.NewServer(upstream)
	t.Cleanup(behind.Close)
	front := httptest.NewServer(e.balancer())
	t.Cleanup(front.Close)
	t.Cleanup(e.toReplicas.CloseIdleConnections)
	simulator, err := signicattest.Start(signicattest.Config{
		TLS:               true,
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{front.URL + logintest.Path + "/callback", front.URL + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	e.Env = &logintest.Env{URL: front.URL, Signicat: simulator, Upstream: upstream}
	e.behind = behind.URL
	e.authority = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(e.authority, simulator.AuthorityPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	e.startReplicas(t)
	return e
}

func (e *env) startReplicas(t *testing.T) {
	t.Helper()
	for i := range e.replicas {
		e.mustStart(t, i)
	}
}

func (e *env) mustStart(t *testing.T, i int) {
	t.Helper()
	const attempts = 3 // another process may take a port that was free
	for n := 1; !e.startReplica(t, i); n++ {
		if n == attempts {
			t.Fatalf("replica %d does not start", i)
		}
	}
}

// use makes the balancer send every request to one replica.
func (e *env) use(i int) { e.only.Store(int64(i + 1)) }

// kill ends a replica with SIGKILL.
func (e *env) kill(i int) { end(e.replicas[i].process) }

func end(c *exec.Cmd) { _ = c.Process.Kill() }

const replicaCaddyfile = `{
	admin %s
	persist_config off
	storage_clean_interval off
	default_bind 127.0.0.1
	storage file_system %s
	itsme {
		public_url %s
		signicat {
			client_id %s
			client_secret %s
			api_url %s
			timeout 3s
		}
		attributes name firstName lastName dateOfBirth
		token {
			refresh 24h
		}
		limit {
			sessions_per_client 100000 1s
			token_per_client 100000 1s
			pending_per_client 100000
		}
		store redis {
			%s
			secret 0123456789abcdef0123456789abcdef
		}
	}
}

http://:%s {
	itsme {
		public /public/*
	}
	reverse_proxy %s
}
`

// startReplica starts a replica and waits until it is ready, or has ended.
func (e *env) startReplica(t *testing.T, i int) (ready bool) {
	t.Helper()
	address := freeAddress(t)
	backend, err := url.Parse("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	r := e.replicas[i]
	file := filepath.Join(t.TempDir(), "Caddyfile")
	r.admin = freeAddress(t)
	store := e.store
	if store == "" {
		store = "address " + e.line.Address
	}
	config := fmt.Sprintf(replicaCaddyfile, r.admin, r.storage, e.URL, signicattest.DefaultClientID, signicattest.DefaultClientSecret,
		e.Signicat.URL, store, backend.Port(), e.behind)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if i == 0 {
		e.config = file
	}
	command := exec.Command("caddy-itsme", "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "SSL_CERT_FILE="+e.authority, "SOAK_CLOCK_AHEAD="+r.ahead.String())
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatalf("starting caddy-itsme: %v", err)
	}
	exited := make(chan struct{})
	r.process, r.exited = command, exited
	r.backend.Store(backend)
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		end(command)
		<-exited
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("replica %d:\n%s", i, text)
		}
	})
	return awaitReady(t, backend.String()+logintest.Path+"/health/ready", exited)
}

// awaitReady waits until a replica can serve logins. It is not ready when it ends before.
func awaitReady(t *testing.T, url string, exited <-chan struct{}) (ready bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if answer, err := http.Get(url); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-exited:
			return false
		case <-deadline:
			t.Fatalf("%s is not ready", url)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startRedis starts redis-server, with the data of its last run.
func (e *env) startRedis(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(e.redisAt)
	if err != nil {
		t.Fatal(err)
	}
	e.redis = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", e.redisDir, "--appendonly", "yes", "--appendfsync", e.appendfsync)
	out, err := e.redis.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.redis.Start(); err != nil {
		t.Fatalf("starting redis-server (make test installs it): %v", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { // keep its log from filling the pipe
				for lines.Scan() {
				}
			}()
			return
		}
	}
	t.Fatal("redis-server ended before it was ready")
}

// stopRedis ends redis-server. Its data stay on disk.
func (e *env) stopRedis() {
	end(e.redis)
	_ = e.redis.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
