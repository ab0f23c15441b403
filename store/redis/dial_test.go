package redis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

// TestLeastUser: the user that the package's documentation names may do all that the
// store does, and nothing with the keys of others.
func TestLeastUser(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *redistest.Server{
		"standalone": func(t testing.TB) *redistest.Server { return redistest.Start(t) },
		"Cluster":    func(t testing.TB) *redistest.Server { return redistest.StartNode(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			do(t, admin(t, s.Address), documentedUser(t)...)
			c := config(s.Address)
			c.Username, c.Password = "gateway", "password"
			st := open(t, c)
			create(t, st, "a")
			for name, call := range calls(st) {
				if err := call(t.Context()); errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: %v", name, err)
				}
			}
			c.Prefix = "itsme:other"
			wantUnavailable(t, open(t, c))
		})
	}
}

// documentedUser reads the command from the package comment.
func documentedUser(t testing.TB) []string {
	t.Helper()
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(source)) {
		if command, ok := strings.CutPrefix(line, "//	ACL "); ok {
			return append([]string{"ACL"}, strings.Fields(command)...)
		}
	}
	t.Fatal("doc.go names no user")
	return nil
}

// TestWrongPassword: the server refuses it, and no error or log line has it.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "right")
	log := newLogCapture()
	c := config(s.Address)
	c.Password, c.Logger = "hunter2", log.logger()
	st := open(t, c)
	_, err := st.Len(t.Context())
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("Len: %v, want %v because of WRONGPASS", err, store.ErrUnavailable)
	}
	log.await(t, lost)
	for what, text := range map[string]string{"error": err.Error(), "log": log.String()} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, secret) {
			t.Errorf("the %s has a secret:\n%s", what, text)
		}
	}
	c.Password = "right"
	create(t, open(t, c), "a")
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := config(s.Address)
	c.Database = 7
	create(t, open(t, c), "a")
	if n, err := do(t, admin(t, s.Address), "DBSIZE").ToInt64(); err != nil || n != 0 {
		t.Errorf("database 0 has %d keys, %v", n, err)
	}
	if _, err := open(t, config(s.Address)).Load(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading from database 0: %v, want %v", err, store.ErrNotFound)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	files, roots := selfSigned(t)
	options := append(files, "--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no")
	s := redistest.Start(t, options...)
	c := config(s.Address)
	c.TLS = &tls.Config{RootCAs: roots}
	create(t, open(t, c), "a")

	for name, wrong := range map[string]*tls.Config{
		"a server without a trusted certificate": {},
		"a server of another name":               {RootCAs: roots, ServerName: "redis.example.be"},
		"in the clear":                           nil,
	} {
		c.TLS = wrong
		if _, err := open(t, c).Load(t.Context(), "a"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

// selfSigned makes a certificate for 127.0.0.1, as options of redis-server, and the
// pool that trusts it.
func selfSigned(t testing.TB) (options []string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), "pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("CERTIFICATE", certificate)
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return []string{"--tls-cert-file", file, "--tls-ca-cert-file", file, "--tls-key-file", write("PRIVATE KEY", private)}, roots
}

// TestConfig breaks a configuration in one place, and looks for what to do about it.
func TestConfig(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*redis.Config)
		remedy string
	}{
		"no address":               {func(c *redis.Config) { c.Addresses = nil }, "name host:port of the server"},
		"an address without port":  {func(c *redis.Config) { c.Addresses = []string{"localhost"} }, "write host:port"},
		"an address without host":  {func(c *redis.Config) { c.Addresses = []string{":6379"} }, "write host:port"},
		"a URL of the web":         {func(c *redis.Config) { c.Addresses = []string{"https://localhost:6379"} }, "write host:port"},
		"a Sentinel without name":  {func(c *redis.Config) { c.Sentinel = new(redis.Sentinel) }, "SENTINEL MASTERS lists the names"},
		"no secret":                {func(c *redis.Config) { c.Secret = nil }, "openssl rand -base64 32"},
		"a short secret":           {func(c *redis.Config) { c.Secret = make([]byte, redis.MinSecret-1) }, "openssl rand -base64 32"},
		"braces in the prefix":     {func(c *redis.Config) { c.Prefix = "{a}" }, "leave them out"},
		"a negative database":      {func(c *redis.Config) { c.Database = -1 }, "use 0 or more"},
		"a database of a Cluster":  {func(c *redis.Config) { c.Database, c.Addresses = 1, []string{"a:1", "b:1"} }, "leave database out"},
		"a negative timeout":       {func(c *redis.Config) { c.Timeout = -time.Second }, "use at least 1ms"},
		"a timeout of nanoseconds": {func(c *redis.Config) { c.Timeout = 5 }, "use at least 1ms"},
		"a short staleness":        {func(c *redis.Config) { c.Staleness = time.Second - 1 }, "use 1s to 5m"},
		"a long staleness":         {func(c *redis.Config) { c.Staleness = redis.MaxStaleness + 1 }, "use 1s to 5m"},
	} {
		c := config("localhost:6379")
		tt.change(&c)
		_, err := redis.Open(c)
		if !errors.Is(err, redis.ErrConfig) || !strings.Contains(err.Error(), tt.remedy) {
			t.Errorf("%s: %v, want %v with %q", name, err, redis.ErrConfig, tt.remedy)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error has the secret", name)
		}
	}
}
