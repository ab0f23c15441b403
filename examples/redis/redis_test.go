// Package redis_test runs Redis with the example's configuration, with the gateway's store as its client.
package redis_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"

	_ "github.com/caddy-itsme/caddy-itsme" // what the Caddyfiles name
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/exampletest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

const password = "the password"

// asCaddy is the environment variable that makes the test binary run Caddy.
const asCaddy = "ITSME_TEST_RUNS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(asCaddy) != "" {
		caddycmd.Main() // ends the process
	}
	os.Exit(m.Run())
}

// replica is a process with the example's replica.Caddyfile, and a folder of its own.
type replica struct {
	process *exec.Cmd
	folder  string
	url     string
}

// startReplica runs replica.Caddyfile with other ports, until it is stopped or the test ends.
func startReplica(t *testing.T, redis, folder string) *replica {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	config := strings.Replace(exampletest.Read(t, "replica.Caddyfile"), "127.0.0.1:6379", redis, 1)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address, admin := exampletest.FreeAddress(t), exampletest.FreeAddress(t)
	r := &replica{folder: folder, url: "http://" + address}
	_, port, _ := strings.Cut(address, ":")
	_, adminPort, _ := strings.Cut(admin, ":")
	r.process = exec.Command(os.Args[0], "run", "--config", file, "--adapter", "caddyfile")
	r.process.Env = append(os.Environ(), asCaddy+"=1", "HOME="+folder, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=",
		"REPLICA_PORT="+port, "ADMIN_PORT="+adminPort, "SIGNICAT_CLIENT_ID=x", "SIGNICAT_CLIENT_SECRET=x",
		"REDIS_PASSWORD="+password, "ITSME_STORE_SECRET="+strings.Repeat("0123456789abcdef", 2))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	r.process.Stderr = log
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.stop()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the replica in %s:\n%s", folder, text)
		}
	})
	return r
}

func (r *replica) stop() {
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
}

// keys returns the key set that a replica publishes. It waits until there is one.
func (r *replica) keys(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		answer, err := http.Get(r.url + "/itsme/jwks.json")
		if err == nil {
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if err == nil && answer.StatusCode == http.StatusOK {
				return string(text)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica in %s publishes no keys: %v", r.folder, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// TestReplicasShareRedisAlone starts two replicas at once, each with a folder of its own. Then one replica is lost
// with its folder, and after that Redis with its data.
func TestReplicasShareRedisAlone(t *testing.T) {
	t.Parallel()
	address := startRedis(t)
	one, other := startReplica(t, address, t.TempDir()), startReplica(t, address, t.TempDir())
	first := one.keys(t)
	if got := other.keys(t); got != first || !strings.Contains(first, `"kid"`) {
		t.Fatalf("one replica publishes %s, and the other %s", first, got)
	}
	other.stop()
	if got := startReplica(t, address, t.TempDir()).keys(t); got != first {
		t.Errorf("a replica with an empty folder publishes %s, want %s", got, first)
	}
	one.stop()
	empty := startRedis(t)
	if got := startReplica(t, empty, one.folder).keys(t); got != first {
		t.Errorf("with an empty Redis a replica publishes %s, want %s", got, first)
	}
	if got := startReplica(t, empty, t.TempDir()).keys(t); got != first {
		t.Errorf("with what that one put back a replica publishes %s, want %s", got, first)
	}
}

func TestRedisIsGoodForTheGateway(t *testing.T) {
	t.Parallel()
	address := startRedis(t)
	st := open(t, address, password)
	if err := st.Check(t.Context()); err != nil {
		t.Errorf("checking the server: %v", err)
	}
	if wait, err := st.Allow(t.Context(), store.Quota{Owner: "client", Limit: 1, Window: time.Minute}); err != nil || wait != 0 {
		t.Errorf("counting a client: %v, %v", wait, err)
	}
	until := time.Now().Add(time.Hour)
	if err := st.Revoke(t.Context(), store.Revocation{Scope: store.ScopeToken, ID: "jti", Until: until}); err != nil {
		t.Errorf("revoking: %v", err)
	}
	for name, other := range map[string]string{"no password": "", "another password": "guess"} {
		if err := open(t, address, other).Check(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

func open(t *testing.T, address, password string) *redis.Store {
	t.Helper()
	c := redis.Config{
		Addresses: []string{address}, Username: "gateway", Password: password,
		Prefix: "itsme:default", Secret: []byte(strings.Repeat("0123456789abcdef", 2)),
	}
	if password == "" {
		c.Username = ""
	}
	st, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// startRedis runs redis.conf with another port and folder, and users.acl with a password.
func startRedis(t *testing.T) (address string) {
	t.Helper()
	dir := t.TempDir()
	hash := sha256.Sum256([]byte(password))
	users := strings.ReplaceAll(exampletest.Read(t, "users.acl"), "SHA256_OF_REDIS_PASSWORD", hex.EncodeToString(hash[:]))
	file := filepath.Join(dir, "users.acl")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	const attempts = 5 // another process may take a free port
	for range attempts {
		address = exampletest.FreeAddress(t)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		server := exec.Command("redis-server", "redis.conf", "--port", port, "--dir", dir, "--aclfile", file)
		out, err := server.StdoutPipe()
		if err == nil {
			err = server.Start()
		}
		if err != nil {
			t.Fatalf("starting redis-server: %v; run `make test`, which installs it on Debian", err)
		}
		t.Cleanup(func() {
			_ = server.Process.Kill()
			_ = server.Wait()
		})
		for lines := bufio.NewScanner(out); lines.Scan(); {
			t.Log(lines.Text())
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				return address
			}
		}
	}
	t.Fatal("redis-server does not start")
	return ""
}

// TestUserMayDoWhatTheStoreAsksFor compares the ACL user with the user that the store documents and tests.
func TestUserMayDoWhatTheStoreAsksFor(t *testing.T) {
	t.Parallel()
	documented, found := "", false
	for line := range strings.Lines(exampletest.Read(t, "../../store/redis/doc.go")) {
		if documented, found = strings.CutPrefix(strings.TrimSpace(line), "//	ACL SETUSER "); found {
			break
		}
	}
	want := "user " + strings.ReplaceAll(documented, ">password", "#SHA256_OF_REDIS_PASSWORD")
	if users := strings.Split(exampletest.Read(t, "users.acl"), "\n"); !slices.Contains(users, want) || !slices.Contains(users, "user default off") {
		t.Errorf("the users are\n%s\nwant user default off, and\n%s", strings.Join(users, "\n"), want)
	}
}

// TestReplicasAreAlike adapts the replica's Caddyfile with the ports of two replicas. Their gateways must be
// equal, and the balancer must know both. It adapts only, and does not load a configuration into Caddy.
func TestReplicasAreAlike(t *testing.T) {
	apps := make([]any, 2)
	balancer := exampletest.Read(t, "balancer.Caddyfile")
	for i, port := range []string{"8081", "8082"} {
		t.Setenv("REPLICA_PORT", port)
		t.Setenv("ADMIN_PORT", "202"+port[3:])
		config, err := caddytest.Adapt(exampletest.Read(t, "replica.Caddyfile"))
		if err != nil {
			t.Fatal(err)
		}
		var adapted struct {
			Admin struct{ Listen string }
			Apps  struct{ Itsme any }
		}
		if err := json.Unmarshal(config, &adapted); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(config), ":"+port+`"`) || adapted.Admin.Listen != "127.0.0.1:202"+port[3:] {
			t.Errorf("the replica does not take its ports from the environment: %s", config)
		}
		if !strings.Contains(balancer, " 127.0.0.1:"+port+" ") {
			t.Errorf("the balancer does not know %s", port)
		}
		apps[i] = adapted.Apps.Itsme
	}
	if diff := cmp.Diff(apps[0], apps[1]); diff != "" || apps[0] == nil {
		t.Errorf("the gateways differ:\n%s", diff)
	}
}
