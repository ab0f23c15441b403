package token

import (
	"crypto"
	"crypto/sha256"

	"github.com/go-jose/go-jose/v4"
)

// thumbprint returns the RFC 7638 thumbprint of a public key: SHA-256 in base64url.
func thumbprint(public crypto.PublicKey) string {
	jwk := jose.JSONWebKey{Key: public}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		panic("token: hashing a public key: " + err.Error()) // newKey accepts no kind that go-jose does not know
	}
	return encoding.EncodeToString(sum)
}

// ValidThumbprint reports whether text has the form of a thumbprint: a SHA-256 in base64url, in its one spelling.
func ValidThumbprint(text string) bool {
	sum, err := decode(text)
	return err == nil && len(sum) == sha256.Size
}

// publicJWK returns the published JWK. It has only the public key, and so no private member.
func (k Key) publicJWK() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.public, Use: "sig", Algorithm: string(k.algorithm), KeyID: k.id}
}
