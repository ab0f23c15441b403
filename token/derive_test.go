package token_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// derived is RFC 5869 written out for one block of output, as other programs compute it.
func derived(input []byte, use token.Use, issuer string) []byte {
	mac := func(key, text []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		return h.Sum(nil)
	}
	info := append([]byte(use), 0)
	info = append(info, issuer...)
	return mac(mac(make([]byte, sha256.Size), input), append(info, 1))
}

// parsed makes a Key of a private key of the standard library.
func parsed(t *testing.T, private any) *token.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// shortRSA returns an RSA key whose d has leading zero bytes in the length of the modulus.
func shortRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	made := privateKey(t, key).(*rsa.PrivateKey)
	one := big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(made.Primes[0], one), new(big.Int).Sub(made.Primes[1], one))
	for e := made.E + 2; ; e += 2 {
		d := new(big.Int).ModInverse(big.NewInt(int64(e)), totient)
		if d != nil && d.BitLen() <= 8*(made.Size()-1) {
			return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: made.N, E: e}, D: d, Primes: made.Primes}
		}
	}
}

// TestDerivedKeysAreFixed holds the input, label and info of derived keys: replicas of different releases share them.
func TestDerivedKeysAreFixed(t *testing.T) {
	t.Parallel()
	const generator = `{"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",` +
		`"y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU","d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`
	one, err := token.ParseKey([]byte(generator), token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]byte, 32)
	d[31] = 1
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	short := shortRSA(t)
	for name, row := range map[string]struct {
		key   *token.Key
		input []byte
	}{
		"EC: d in 32 bytes":             {one, d},
		"Ed25519: the seed":             {parsed(t, ed25519.NewKeyFromSeed(seed)), seed},
		"RSA: d in the modulus' length": {parsed(t, short), short.D.FillBytes(make([]byte, short.Size()))},
	} {
		for _, use := range []token.Use{token.UseSessionCookie, token.UseAccessToken, token.UseDPoPNonce} {
			if got, want := row.key.Derive(use, issuer), derived(row.input, use, issuer); !bytes.Equal(got, want) {
				t.Errorf("%s, %s: got %x, want %x", name, use, got, want)
			}
		}
	}
	// Computed with Python's hmac.
	const want = "acc7a53f0f1f977798a68361be801b3283a69a1e1179ccebf06b410e21598f74"
	if got := hex.EncodeToString(one.Derive("session cookie", "https://app.example.be")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDerivedKeysAreIndependent derives keys that differ in one thing each.
func TestDerivedKeysAreIndependent(t *testing.T) {
	t.Parallel()
	key, other := newKey(t, token.ES256), newKey(t, token.ES256)
	seen := map[string]string{}
	for name, derived := range map[string][]byte{
		"session cookie":  key.Derive(token.UseSessionCookie, issuer),
		"access token":    key.Derive(token.UseAccessToken, issuer),
		"DPoP nonce":      key.Derive(token.UseDPoPNonce, issuer),
		"another issuer":  key.Derive(token.UseSessionCookie, issuer+"/other"),
		"another key":     other.Derive(token.UseSessionCookie, issuer),
		"no issuer":       key.Derive(token.UseSessionCookie, ""),
		"a longer use":    key.Derive(token.UseSessionCookie+"h", issuer[1:]),
		"a use of letter": key.Derive("h", issuer),
	} {
		if before, ok := seen[string(derived)]; ok || len(derived) != 32 {
			t.Errorf("%s: %d bytes, the same key as %q", name, len(derived), before)
		}
		seen[string(derived)] = name
	}
}
