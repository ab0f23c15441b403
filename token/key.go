package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minRSABits = 2048
	maxRSABits = 4096
)

// Key is a private key that signs tokens. It is immutable. Printing and marshaling show its algorithm and ID only.
type Key struct {
	// private returns the private key. It is a function, because no printer looks into a function. fmt does not call the
	// methods of a Key in an unexported field of another struct, and would print the fields.
	private   func() crypto.Signer
	algorithm Algorithm
	method    jwt.SigningMethod
	// size is the exact length of a signature in bytes.
	size   int
	public crypto.PublicKey
	id     string
}

// GenerateKey returns a new key, or ErrAlgorithm for an unknown algorithm.
func GenerateKey(algorithm Algorithm) (*Key, error) {
	private, err := generate(algorithm)
	if err != nil {
		return nil, fmt.Errorf("generating key: %w", err)
	}
	return newKey(private)
}

func generate(algorithm Algorithm) (crypto.Signer, error) {
	switch algorithm {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RS256:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	}
	return nil, fmt.Errorf("%w: %q", ErrAlgorithm, string(algorithm))
}

// newKey returns the Key of a private key of crypto/x509, or ErrKeyKind.
func newKey(private any) (*Key, error) {
	signer, _ := private.(crypto.Signer)
	k := Key{private: func() crypto.Signer { return signer }}
	switch p := private.(type) {
	case *ecdsa.PrivateKey:
		if p.Curve != elliptic.P256() {
			return nil, kindError("an EC key on %s, where ES256 needs P-256", p.Params().Name)
		}
		k.algorithm, k.method, k.size = ES256, jwt.SigningMethodES256, es256Size
	case ed25519.PrivateKey:
		k.algorithm, k.method, k.size = EdDSA, jwt.SigningMethodEdDSA, ed25519.SignatureSize
	case *rsa.PrivateKey:
		if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, kindError("an RSA key of %d bits, where RS256 needs 2048 to 4096", bits)
		}
		k.algorithm, k.method, k.size = RS256, jwt.SigningMethodRS256, p.Size()
	default:
		return nil, kindError("not for ES256, EdDSA or RS256")
	}
	k.public = signer.Public()
	k.id = thumbprint(k.public)
	return &k, nil
}

// ID returns the key's RFC 7638 thumbprint (SHA-256, base64url), the kid of its tokens. It does not depend on the file or
// format of the key.
func (k Key) ID() string { return k.id }

// Algorithm returns the one algorithm that the key signs with.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// MarshalPEM returns the private key as PKCS #8 in PEM, for a file that only its owner may read. ParseKey reads it.
func (k Key) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private())
	if err != nil {
		return nil, fmt.Errorf("marshaling key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// The methods below have value receivers, so that a copied Key does not print its private key either.

// String returns the algorithm and ID of the key, nothing secret.
func (k Key) String() string { return string(k.algorithm) + " key " + k.id }

// GoString returns String, so that %#v shows nothing secret.
func (k Key) GoString() string { return k.String() }

// Format writes String for every verb, so that no flag or verb reaches the key material.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalJSON writes the algorithm and ID of the key, nothing secret.
func (k Key) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		ID        string    `json:"kid"`
	}{k.algorithm, k.id})
}

// LogValue returns String, so that a log line shows nothing secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
