package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestKeyFileErrors checks the same for the file that token key names.
func TestKeyFileErrors(t *testing.T) {
	for _, tt := range []struct {
		name, content, algorithm, want string
	}{
		{"missing", "", "ES256", "gateway default: token key: open KEY: no such file or directory; name a PEM or JWK file that Caddy may read, or leave key out to have one made"},
		{"no key at all", "hello", "ES256", "gateway default: token key: KEY: key format is not accepted: it is neither PEM nor a JWK"},
		{"public key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ES256", "gateway default: token key: KEY: key kind is not accepted: it is public, and a private key is needed to sign"},
		{"of another algorithm", string(newKey(t)), "RS256", "gateway default: token key: KEY: key kind is not accepted: it is for ES256, where RS256 is asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "nonexistent.pem")
			if tt.content != "" {
				path = writeKey(t, []byte(tt.content))
			}
			block := "token {\nkey " + path + "\nalgorithm " + tt.algorithm + "\n}"
			checkRefused(t, strings.Replace(rightConfig, "#gateway", block, 1), strings.ReplaceAll(tt.want, "KEY", path))
		})
	}
}

// newKey is a new ES256 key in PEM.
func newKey(t *testing.T) []byte {
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

// writeKey writes a key into a file of its own and returns the path.
func writeKey(t *testing.T, pem []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signing.pem")
	if err := os.WriteFile(path, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
