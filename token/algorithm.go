package token

import "fmt"

// Algorithm names how a token is signed, by its JWS name (RFC 7518, RFC 8037). HMAC is not supported: every service that
// verifies such a token could also sign one.
type Algorithm string

// The algorithms that tokens are signed with.
const (
	// ES256 is ECDSA on P-256 with SHA-256.
	ES256 Algorithm = "ES256"
	// EdDSA is Ed25519.
	EdDSA Algorithm = "EdDSA"
	// RS256 is RSA (PKCS #1 v1.5) with SHA-256: 2048 bits when made here, 2048 to 4096 when read.
	RS256 Algorithm = "RS256"
	// DefaultAlgorithm is used when none is configured.
	DefaultAlgorithm = ES256
)

// ParseAlgorithm returns the algorithm with that exact name, or ErrAlgorithm.
func ParseAlgorithm(name string) (Algorithm, error) {
	switch a := Algorithm(name); a {
	case ES256, EdDSA, RS256:
		return a, nil
	}
	return "", fmt.Errorf("%w: %q: use ES256, EdDSA or RS256", ErrAlgorithm, name)
}
