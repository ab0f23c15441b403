package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
)

// publicMembers returns the members of a public key's JWK that RFC 7638 section 3.2 requires, for Ed25519 RFC 8037
// section 2. The JWK needs no others.
func publicMembers(public crypto.PublicKey) map[string]string {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			panic("token: a private key has no valid public key: " + err.Error())
		}
		x, y := point[1:33], point[33:]
		return map[string]string{
			"kty": "EC", "crv": "P-256",
			"x": encoding.EncodeToString(x), "y": encoding.EncodeToString(y),
		}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encoding.EncodeToString(p)}
	case *rsa.PublicKey:
		e := big.NewInt(int64(p.E)).Bytes()
		return map[string]string{
			"kty": "RSA",
			"n":   encoding.EncodeToString(p.N.Bytes()), "e": encoding.EncodeToString(e),
		}
	}
	panic(fmt.Sprintf("token: public key of type %T", public))
}

// thumbprint returns the thumbprint of RFC 7638 section 3: the SHA-256 of the required members in lexicographic order.
// encoding/json writes a map in that order.
func thumbprint(members map[string]string) string {
	canonical, err := json.Marshal(members)
	if err != nil {
		panic("token: marshaling strings: " + err.Error())
	}
	sum := sha256.Sum256(canonical)
	return encoding.EncodeToString(sum[:])
}

// ValidThumbprint reports whether text has the form of a thumbprint: a SHA-256 in base64url, in its one spelling.
func ValidThumbprint(text string) bool {
	sum, err := decode(text)
	return err == nil && len(sum) == sha256.Size
}

// publicJWK returns the published JWK. It starts from the public members, so that it has no private one.
func (k Key) publicJWK() map[string]string {
	jwk := maps.Clone(k.members)
	jwk["use"], jwk["alg"], jwk["kid"] = "sig", string(k.algorithm), k.id
	return jwk
}
