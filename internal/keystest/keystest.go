// Package keystest makes sets of signing keys for tests.
package keystest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// New returns a set of one new key of an algorithm.
func New(t testing.TB, algorithm token.Algorithm) *token.Keys {
	t.Helper()
	key, err := token.GenerateKey(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return Of(t, key)
}

// Parse returns a set of one key, read from PEM.
func Parse(t testing.TB, pem []byte) *token.Keys {
	t.Helper()
	key, err := token.ParseKey(pem, "")
	if err != nil {
		t.Fatal(err)
	}
	return Of(t, key)
}

// Of returns a set of keys. The first one signs.
func Of(t testing.TB, current *token.Key, others ...*token.Key) *token.Keys {
	t.Helper()
	set, err := token.NewKeySet(current, others...)
	if err != nil {
		t.Fatal(err)
	}
	keys := new(token.Keys)
	keys.Set(set)
	return keys
}

// PEM returns a new ES256 key in PEM.
func PEM(t testing.TB) []byte {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	return pem
}

// File writes a key in PEM into a file of its own and returns its path.
func File(t testing.TB, pem []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := os.WriteFile(path, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
