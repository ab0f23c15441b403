package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"

	"github.com/caddy-itsme/caddy-itsme/internal/strictjson"
)

// coordinateSize is the length of a coordinate on P-256. A JWK has it in full, with leading zeros (RFC 7518 section
// 6.2.1.2).
const coordinateSize = 32

// key is the public key in a proof. Whether it is on the curve shows only at its use.
type key struct {
	x, y       []byte
	thumbprint string
}

// readKey reads a jwk of exactly kty, crv, x and y. A private member or a certificate chain has no place in a proof, and
// any other member could be read as a rule of its own.
func readKey(value any) (key, error) {
	members, _ := value.(map[string]any)
	if len(members) != 4 || members["kty"] != "EC" || members["crv"] != "P-256" {
		return key{}, invalid("its jwk is not kty EC, crv P-256, x and y alone")
	}
	x, okX := members["x"].(string)
	y, okY := members["y"].(string)
	if !okX || !okY {
		return key{}, invalid("its jwk is not kty EC, crv P-256, x and y alone")
	}
	k := key{thumbprint: thumbprint(x, y)}
	var errX, errY error
	k.x, errX = strictjson.Base64(x)
	k.y, errY = strictjson.Base64(y)
	if errX != nil || errY != nil || len(k.x) != coordinateSize || len(k.y) != coordinateSize {
		return key{}, invalid("the coordinates of its jwk are not 32 bytes in base64url")
	}
	return k, nil
}

// thumbprint returns the RFC 7638 thumbprint of a P-256 key. JSON escapes nothing in base64url.
func thumbprint(x, y string) string {
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// public returns the key for crypto/ecdsa. ok is false for a point that is not on the curve.
func (k key) public() (public *ecdsa.PublicKey, ok bool) {
	point := append(append([]byte{4}, k.x...), k.y...) // 4 marks an uncompressed point (SEC 1 section 2.3.3)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	return public, err == nil
}
