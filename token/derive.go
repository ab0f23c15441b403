package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

// Use is the label of what a derived key is for. Keys of different uses are independent of each other.
type Use string

// The uses. A label never changes: it is part of every derived key.
const (
	// UseSessionCookie wraps the keys of encrypted session tokens.
	UseSessionCookie Use = "session cookie"
	// UseAccessToken wraps the keys of encrypted access tokens.
	UseAccessToken Use = "access token"
	// UseDPoPNonce authenticates the nonces of DPoP proofs (RFC 9449 section 8).
	UseDPoPNonce Use = "DPoP nonce"
)

// derivedSize is the length of a derived key in bytes: that of an AES-256 key and of an HMAC-SHA-256 key.
const derivedSize = 32

// Derive returns a secret key of 32 bytes for one use at one issuer. Every replica with the signing key derives the same
// one, and a signing key that is dropped takes its derived keys with it. The result is HKDF-SHA-256 (RFC 5869) of:
//
//   - the input: of an EC key the private value d in 32 bytes, of an Ed25519 key its seed, of an RSA key the private
//     exponent d in the length of the modulus;
//   - no salt;
//   - the info: the use, one zero byte, and the issuer. No use and no URL has a zero byte.
//
// The caller never writes the result to a log, an answer or a file.
func (k Key) Derive(use Use, issuer string) []byte {
	derived, err := hkdf.Key(sha256.New, k.secret(), nil, string(use)+"\x00"+issuer, derivedSize)
	if err != nil {
		panic("token: deriving a key: " + err.Error()) // only for a longer result than HKDF has
	}
	return derived
}

// secret returns the private part of the key in a fixed length: leading zero bytes belong to it.
func (k Key) secret() []byte {
	switch p := k.private().(type) {
	case *ecdsa.PrivateKey:
		d, err := p.Bytes()
		if err != nil {
			panic("token: reading an EC key: " + err.Error()) // newKey accepts P-256 only
		}
		return d
	case ed25519.PrivateKey:
		return p.Seed()
	case *rsa.PrivateKey:
		return p.D.FillBytes(make([]byte, p.Size()))
	default:
		panic(fmt.Sprintf("token: private key of type %T", p))
	}
}
