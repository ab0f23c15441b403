package caddymodule

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// TestRedisStoreTakesARenewedAuthority reloads twice: first with everything as it was, which keeps
// the connections, then with other certificates in the file that tls names, which must be believed
// from then on, and no others.
func TestRedisStoreTakesARenewedAuthority(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	renew := func() {
		der, _ := selfSigned(t, nil)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	before := openRedis(t, file)
	if openRedis(t, file) != before {
		t.Error("a reload that changes nothing has another store")
	}
	renew()
	if openRedis(t, file) == before {
		t.Error("the store trusts the authority that was replaced")
	}
}

// openRedis loads a store as a new configuration does. Nobody listens there, and nobody connects.
func openRedis(t *testing.T, ca string) pending.Store {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	s := &RedisStore{Address: []string{"127.0.0.1:1"}, Secret: strings.Repeat("s", 32), TLS: &RedisTLS{CA: ca}}
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	store, err := s.Open("renewed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return store
}
