package token_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestParseKeyReadsJWK has another library write the keys, and reads the vector of RFC 8037 appendix A.
func TestParseKeyReadsJWK(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		key := newKey(t, algorithm)
		text, err := jose.JSONWebKey{Key: privateKey(t, key), Algorithm: string(algorithm), Use: "sig", KeyID: "mine"}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []token.Algorithm{algorithm, ""} {
			again, err := token.ParseKey(text, want)
			if err != nil {
				t.Fatalf("%s: %v", algorithm, err)
			}
			if again.ID() != key.ID() || again.Algorithm() != algorithm {
				t.Errorf("got %v, want %v", again, key)
			}
		}
	}
	key, err := token.ParseKey([]byte(rfc8037), token.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; key.ID() != want {
		t.Errorf("RFC 8037 appendix A.3: got %s, want %s", key.ID(), want)
	}
}

// rfc8037 is the key of RFC 8037 appendix A.1.
const rfc8037 = `{"kty":"OKP","crv":"Ed25519",
	"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
	"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

func TestParseKeyRefusesJWK(t *testing.T) {
	t.Parallel()
	ec, rsa := privateMembers(t, token.ES256), privateMembers(t, token.RS256)
	ed := privateMembers(t, token.EdDSA)
	// with returns the key with members set, or removed where the value is nil.
	with := func(members map[string]any, nameValue ...any) string {
		changed := maps.Clone(members)
		for i := 0; i < len(nameValue); i += 2 {
			changed[nameValue[i].(string)] = nameValue[i+1]
		}
		maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
		text, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole := with(ec)
	for _, row := range []struct {
		name    string
		data    string
		wantErr error
	}{
		{"complete", whole, nil},
		{"key_ops, which are not read", with(ec, "key_ops", []string{"verify", "sign"}), nil},
		{"Ed25519, complete", with(ed), nil},
		{"RSA, complete", with(rsa), nil},
		{"RSA without what follows from its primes", with(rsa, "dp", nil, "dq", nil, "qi", nil), nil},

		{"not JSON", whole[:len(whole)-1], token.ErrKeyFormat},
		{"two keys", whole + whole, token.ErrKeyFormat},
		{"a member twice", strings.Replace(whole, `{`, `{"kty":"EC",`, 1), token.ErrKeyFormat},
		{"an array", "[" + whole + "]", token.ErrKeyFormat},
		{"a JWK set", `{"keys":[` + whole + `]}`, token.ErrKeyFormat},
		{"no kind", with(ec, "kty", nil), token.ErrKeyFormat},
		{"an unknown kind", with(ec, "kty", "AKP"), token.ErrKeyFormat},
		{"a symmetric key", `{"kty":"oct","k":"c2VjcmV0"}`, token.ErrKeyKind},
		{"a public key", with(ec, "d", nil), token.ErrKeyKind},
		{"P-384", with(ec, "crv", "P-384"), token.ErrKeyFormat},
		{"X25519", with(ed, "crv", "X25519"), token.ErrKeyFormat},
		{"no curve", with(ec, "crv", nil), token.ErrKeyFormat},
		{"for another algorithm", with(ec, "alg", "ECDH-ES"), token.ErrKeyKind},
		{"for RSA PSS", with(rsa, "alg", "PS256"), token.ErrKeyKind},
		{"for encryption", with(ec, "use", "enc"), token.ErrKeyKind},

		{"no public half", with(ec, "x", nil), token.ErrKeyFormat},
		{"a private number of zero", with(ec, "d", strings.Repeat("A", 43)), token.ErrKeyFormat},
		{"a private number cut short", with(ec, "d", "AAAA"), token.ErrKeyFormat},
		{"a private number that is no string", with(ec, "d", 7), token.ErrKeyFormat},
		{"padding", with(ec, "d", ec["d"].(string)+"="), token.ErrKeyFormat},
		{"Ed25519 with another public half", with(ed, "x", ec["x"]), token.ErrKeyFormat},
		{"Ed25519 cut short", with(ed, "d", "AAAA"), token.ErrKeyFormat},
		{"RSA without primes", with(rsa, "p", nil, "q", nil), token.ErrKeyFormat},
		{"RSA with one prime twice", with(rsa, "q", rsa["p"]), token.ErrKeyFormat},
		{"RSA without an exponent", with(rsa, "e", nil), token.ErrKeyFormat},
		{"RSA with an even exponent", with(rsa, "e", "Ag"), token.ErrKeyFormat},
		{"RSA with a huge exponent", with(rsa, "e", strings.Repeat("_", 40)), token.ErrKeyFormat},
		{"RSA of 5,400 bits", with(rsa, "n", strings.Repeat("_", 900)), token.ErrKeyFormat},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := token.ParseKey([]byte(row.data), "")
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if err != nil && (!strings.Contains(err.Error(), "openssl genpkey") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error without a remedy, or not one line: %v", err)
			}
		})
	}
}

// TestPublicHalfOfJWKIsNotBelieved has the public half of another key in the file: the JWKS publishes the one that
// belongs to the private half.
func TestPublicHalfOfJWKIsNotBelieved(t *testing.T) {
	t.Parallel()
	ours := newKey(t, token.ES256)
	text, err := jose.JSONWebKey{Key: privateKey(t, ours)}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	other := privateMembers(t, token.ES256)
	members["x"], members["y"] = other["x"], other["y"]
	mixed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := token.ParseKey(mixed, ""); err != nil || read.ID() != ours.ID() {
		t.Errorf("got %v, %v; want %v", read, err, ours)
	}
}

// privateMembers is a key as another library writes it.
func privateMembers(t *testing.T, algorithm token.Algorithm) map[string]any {
	t.Helper()
	text, err := jose.JSONWebKey{Key: privateKey(t, newKey(t, algorithm))}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}
