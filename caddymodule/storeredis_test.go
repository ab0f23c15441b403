package caddymodule

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestRedisStoreTakesARenewedAuthority reloads twice: first with everything as it was, which keeps
// the connections, then with other certificates in the file that tls names, which must be believed
// from then on, and no others.
func TestRedisStoreTakesARenewedAuthority(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	renew := func() {
		authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newAuthority(t)})
		if err := os.WriteFile(file, authority, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	open := func() store.Store {
		// No server listens there, and no client connects.
		return openRedis(t, &RedisStore{Address: []string{"127.0.0.1:1"}, TLS: &RedisTLS{CA: file}}, slog.DiscardHandler)
	}
	before := open()
	if open() != before {
		t.Error("a reload that changes nothing has another store")
	}
	renew()
	if open() == before {
		t.Error("the store trusts the authority that was replaced")
	}
}

// TestRedisStoreTakesARenewedCertificate reloads with the certificate of a client in other files, and in the
// same files anew. A real server wants it.
func TestRedisStoreTakesARenewedCertificate(t *testing.T) {
	t.Parallel()
	server, authority := redistest.StartTLS(t)
	open := func() store.Store {
		return openRedis(t, &RedisStore{Address: []string{server.Address}, TLS: &RedisTLS{
			CA: authority.CAFile, Certificate: authority.CertFile, Key: authority.KeyFile, ServerName: "localhost",
		}}, slog.DiscardHandler)
	}
	before := open()
	if _, err := before.Len(t.Context()); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	if open() != before {
		t.Error("a reload that changes nothing has another store")
	}
	cert, key := authority.Issue(t, "renewed")
	if err := errors.Join(os.Rename(cert, authority.CertFile), os.Rename(key, authority.KeyFile)); err != nil {
		t.Fatal(err)
	}
	after := open()
	if after == before {
		t.Error("the store presents the certificate that was replaced")
	}
	if _, err := after.Len(t.Context()); err != nil {
		t.Errorf("with the renewed certificate: %v", err)
	}
	bare := openRedis(t, &RedisStore{Address: []string{server.Address}, TLS: &RedisTLS{CA: authority.CAFile}}, slog.DiscardHandler)
	if _, err := bare.Len(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without a certificate: %v, want %v", err, store.ErrUnavailable)
	}
}

// newAuthority returns a certificate that is its own authority.
func newAuthority(t *testing.T) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// logCapture is a log whose messages the test reads.
type logCapture struct {
	slog.Handler
	messages chan string
}

func newLogCapture() logCapture { return logCapture{slog.DiscardHandler, make(chan string, 10)} }

func (logCapture) Enabled(context.Context, slog.Level) bool { return true }

func (l logCapture) Handle(_ context.Context, r slog.Record) error {
	l.messages <- r.Message
	return nil
}

// want waits for a message. Others may come before it: this machine may be slow.
func (l logCapture) want(t *testing.T, message string) {
	t.Helper()
	for patience := time.After(20 * time.Second); ; {
		select {
		case got := <-l.messages:
			if got == message {
				return
			}
		case <-patience:
			t.Fatalf("the log does not say %q", message)
		}
	}
}

// TestRedisStoreWritesToTheCurrentLog reloads and then loses Redis, which the log of the current
// configuration must show: the file of another log may be closed.
func TestRedisStoreWritesToTheCurrentLog(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	first, second, third := newLogCapture(), newLogCapture(), newLogCapture()
	start := func(log logCapture) {
		s := &RedisStore{Address: []string{server.Addr()}}
		openRedis(t, s, log)
		s.Start()
	}
	start(first)
	first.want(t, "Redis keeps pending sessions")
	start(second)
	openRedis(t, &RedisStore{Address: []string{server.Addr()}}, third) // a configuration that comes to nothing
	server.Close()
	second.want(t, "Redis cannot be reached; what needs it is refused until it is")
	if len(third.messages) != 0 {
		t.Errorf("a log that is not the current one says %q", <-third.messages)
	}
}

// openRedis loads a store as a new configuration does, with that log.
func openRedis(t *testing.T, s *RedisStore, log slog.Handler) store.Store {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	s.Secret = strings.Repeat("s", 32)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	s.log = slog.New(log)
	st, err := s.Open("reloaded")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return st
}
