package token_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// privateNumber is the one secret number of a key, as big-endian bytes.
func privateNumber(t *testing.T, key *token.Key) []byte {
	t.Helper()
	switch p := privateKey(t, key).(type) {
	case *ecdsa.PrivateKey:
		d, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return d
	case ed25519.PrivateKey:
		return p.Seed()
	case *rsa.PrivateKey:
		return p.D.Bytes()
	}
	t.Fatal("unknown key")
	return nil
}

func bigDecimal(number []byte) string { return new(big.Int).SetBytes(number).String() }

func block(t *testing.T, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	return block(t, "PRIVATE KEY", der, err)
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestParseKeyReadsEveryPEM(t *testing.T) {
	t.Parallel()
	p256 := privateKey(t, newKey(t, token.ES256)).(*ecdsa.PrivateKey)
	rsa2048 := privateKey(t, newKey(t, token.RS256)).(*rsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(p256)
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	sec1PEM := block(t, "EC PRIVATE KEY", sec1, err)
	for _, row := range []struct {
		name string
		data []byte
		want token.Algorithm
	}{
		{"EC as PKCS #8", pkcs8(t, p256), token.ES256},
		{"EC as SEC 1", sec1PEM, token.ES256},
		{"EC as openssl ecparam -genkey writes it", append([]byte(parameters), sec1PEM...), token.ES256},
		{"Ed25519 as PKCS #8", pkcs8(t, privateKey(t, newKey(t, token.EdDSA))), token.EdDSA},
		{"RSA as PKCS #8", pkcs8(t, rsa2048), token.RS256},
		{"RSA as PKCS #1", block(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa2048), nil), token.RS256},
		{"white space around", []byte("\r\n\t " + string(sec1PEM) + "\n\n"), token.ES256},
		{"Windows line breaks", []byte(strings.ReplaceAll(string(sec1PEM), "\n", "\r\n")), token.ES256},
		{"text in front", append([]byte("Key of the gateway\n"), sec1PEM...), token.ES256},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, want := range []token.Algorithm{"", row.want} {
				key, err := token.ParseKey(row.data, want)
				if err != nil {
					t.Fatal(err)
				}
				if key.Algorithm() != row.want {
					t.Errorf("got %s, want %s", key.Algorithm(), row.want)
				}
			}
			for _, other := range algorithms {
				_, err := token.ParseKey(row.data, other)
				if other == row.want {
					continue
				}
				remedy := "set the algorithm to " + string(row.want)
				if !errors.Is(err, token.ErrKeyKind) || !strings.Contains(err.Error(), remedy) {
					t.Errorf("as %s: got %v, want %v and %q", other, err, token.ErrKeyKind, remedy)
				}
			}
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	p256 := privateKey(t, newKey(t, token.ES256)).(*ecdsa.PrivateKey)
	good := pkcs8(t, p256)
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t)
	sec1, sec1Err := x509.MarshalECPrivateKey(p384)
	small := must(rsa.GenerateKey(rand.Reader, 1024))(t)
	public, publicErr := x509.MarshalPKIXPublicKey(p256.Public())
	openSSH := must(ssh.MarshalPrivateKey(privateKey(t, newKey(t, token.EdDSA)), ""))(t)
	legacy := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: []byte("sealed"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
	})
	for _, row := range []struct {
		name    string
		data    []byte
		wantErr error
		remedy  string
	}{
		{"nothing", nil, token.ErrKeyFormat, "openssl genpkey"},
		{"white space", []byte(" \n"), token.ErrKeyFormat, "empty"},
		{"text", []byte("hunter2"), token.ErrKeyFormat, "neither PEM nor a JWK"},
		{"DER", must(x509.MarshalPKCS8PrivateKey(p256))(t), token.ErrKeyFormat, "neither PEM nor a JWK"},
		{"a large file", []byte(strings.Repeat("x", 65<<10)), token.ErrKeyFormat, "64 KiB"},
		{"PEM cut short", good[:len(good)/2], token.ErrKeyFormat, "neither PEM nor a JWK"},
		{"PEM of rubbish", block(t, "PRIVATE KEY", []byte("rubbish"), nil), token.ErrKeyFormat, "damaged"},
		{"PKCS #8 under SEC 1's name", []byte(strings.ReplaceAll(string(good), "PRIVATE", "EC PRIVATE")), token.ErrKeyFormat, "mislabeled"},
		{"two keys", append(slices.Clone(good), good...), token.ErrKeyFormat, "one private key"},
		{"a key and its certificate", append(slices.Clone(good), block(t, "CERTIFICATE", nil, nil)...), token.ErrKeyFormat, "one private key"},
		{"curve parameters alone", []byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), token.ErrKeyFormat, "PEM"},
		{"an encrypted key", block(t, "ENCRYPTED PRIVATE KEY", []byte("sealed"), nil), token.ErrKeyFormat, "openssl pkey"},
		{"an encrypted key of old", legacy, token.ErrKeyFormat, "openssl pkey"},
		{"an OpenSSH key", pem.EncodeToMemory(openSSH), token.ErrKeyFormat, "OpenSSH"},
		{"a DSA key", block(t, "DSA PRIVATE KEY", nil, nil), token.ErrKeyFormat, "not of a private key"},
		{"a public key", block(t, "PUBLIC KEY", public, publicErr), token.ErrKeyKind, "private key is needed"},
		{"a certificate", block(t, "CERTIFICATE", nil, nil), token.ErrKeyKind, "private key is needed"},
		{"P-384 as PKCS #8", pkcs8(t, p384), token.ErrKeyKind, "P-256"},
		{"P-384 as SEC 1", block(t, "EC PRIVATE KEY", sec1, sec1Err), token.ErrKeyKind, "P-256"},
		{"RSA of 1024 bits", pkcs8(t, small), token.ErrKeyKind, "2048 to 4096"},
		{"X25519", pkcs8(t, must(ecdh.X25519().GenerateKey(rand.Reader))(t)), token.ErrKeyKind, "ec_paramgen_curve:P-256"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := token.ParseKey(row.data, token.ES256)
			if !errors.Is(err, row.wantErr) {
				t.Fatalf("got %v, want %v", err, row.wantErr)
			}
			if text := err.Error(); !strings.Contains(text, row.remedy) || strings.ContainsAny(text, "\r\n") {
				t.Errorf("error without %q or not one line: %s", row.remedy, text)
			}
		})
	}
}
