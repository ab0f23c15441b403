package caddymodule_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
)

// TestKeyFileErrors checks the same for the file that token key names.
func TestKeyFileErrors(t *testing.T) {
	for _, tt := range []struct {
		name, content, algorithm, want string
	}{
		{"missing", "", "ES256", "gateway default: token key: stat KEY: no such file or directory; name a PEM or JWK file that Caddy may read, or leave key out, and the gateway makes its keys"},
		{"no key at all", "hello", "ES256", "gateway default: token key: KEY: key format is not accepted: it is neither PEM nor a JWK"},
		{"public key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ES256", "gateway default: token key: KEY: key kind is not accepted: it is public, and a private key is needed to sign"},
		{"of another algorithm", string(keystest.PEM(t)), "RS256", "gateway default: token key: KEY: key kind is not accepted: it is for ES256, where RS256 is asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "nonexistent.pem")
			if tt.content != "" {
				path = keystest.File(t, []byte(tt.content))
			}
			block := "token {\nkey " + path + "\nalgorithm " + tt.algorithm + "\n}"
			checkRefused(t, strings.Replace(rightConfig, "#gateway", block, 1), strings.ReplaceAll(tt.want, "KEY", path))
		})
	}
}

// TestRedisCertificatesAreRegularFiles names a device without an end as the file of an authority.
func TestRedisCertificatesAreRegularFiles(t *testing.T) {
	t.Parallel()
	config, err := caddytest.Adapt(redisWith("store redis {\naddress 10.0.0.1:6379\ntls /dev/zero\nsecret 0123456789abcdef0123456789abcdef\n}"))
	if err == nil {
		err = caddytest.Validate(config, t.TempDir())
	}
	if err == nil || !strings.Contains(err.Error(), "/dev/zero: not a regular file") {
		t.Errorf("got %v", err)
	}
}
