package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

func TestParseAlgorithm(t *testing.T) {
	t.Parallel()
	for _, want := range algorithms {
		if got, err := token.ParseAlgorithm(string(want)); got != want || err != nil {
			t.Errorf("%s: got %q, %v", want, got, err)
		}
	}
	for _, name := range []string{
		"", "none", "None", "HS256", "HS384", "HS512", "ES384", "ES512", "PS256", "RS512", "es256", "EDDSA", "Ed25519", " ES256",
	} {
		if got, err := token.ParseAlgorithm(name); got != "" || !errors.Is(err, token.ErrAlgorithm) {
			t.Errorf("%q: got %q, %v, want %v", name, got, err, token.ErrAlgorithm)
		}
		if _, err := token.GenerateKey(token.Algorithm(name)); !errors.Is(err, token.ErrAlgorithm) {
			t.Errorf("generating for %q: got %v, want %v", name, err, token.ErrAlgorithm)
		}
	}
}

func TestKeyKeepsItsIDAsPEM(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		key := newKey(t, algorithm)
		text, err := key.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := token.ParseKey(text, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if again.ID() != key.ID() || again.Algorithm() != algorithm || len(key.ID()) != 43 {
			t.Errorf("got %v, want %v", again, key)
		}
	}
}

// TestKeyNeverPrintsItself writes keys, and what holds them, in every way that a log, an error, a config dump or a
// debugger's printf would.
func TestKeyNeverPrintsItself(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algorithm)
			inForce := keystest.Of(t, key)
			var out bytes.Buffer
			values := []any{
				key, *key,
				[]*token.Key{key},
				[]token.Key{*key},
				map[string]*token.Key{"k": key},
				struct{ K *token.Key }{key},
				struct{ k token.Key }{*key},
				inForce, *inForce.KeySet(), inForce.KeySet(), newAuthority(t, config(), inForce),
			}
			for _, value := range values {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%T", "%p", "%w", "%5.1f"} {
					fmt.Fprintf(&out, verb, value)
				}
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				out.Write(text)
				slog.New(slog.NewTextHandler(&out, nil)).Info("key", "value", value)
				slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "value", value)
			}
			out.WriteString(fmt.Errorf("wrapping: %v", key).Error() + key.GoString())
			for name, secret := range secrets(t, key) {
				if strings.Contains(strings.ToLower(out.String()), strings.ToLower(secret)) {
					t.Errorf("private key printed as %s", name)
				}
			}
			if !strings.Contains(out.String(), key.String()) || !strings.Contains(key.String(), key.ID()) {
				t.Error("a key does not print its ID")
			}
		})
	}
}

// secrets is the start of the private key in the forms that printing it would give.
func secrets(t *testing.T, key *token.Key) map[string]string {
	t.Helper()
	secret := privateNumber(t, key)
	decimal := strings.Trim(fmt.Sprint(secret[:8]), "[]")
	return map[string]string{
		"hexadecimal":    hex.EncodeToString(secret[:8]),
		"decimal bytes":  decimal,
		"Go bytes":       strings.Trim(fmt.Sprintf("%#v", secret[:8]), "[]byte{}"),
		"base64":         base64.StdEncoding.EncodeToString(secret[:9]),
		"base64url":      base64.RawURLEncoding.EncodeToString(secret[:9]),
		"raw bytes":      string(secret[:8]),
		"decimal number": bigDecimal(secret)[:12],
	}
}
