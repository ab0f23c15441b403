package token

import "fmt"

// es256Size is the length of an ES256 signature: R and S of 32 bytes each (RFC 7518 section 3.4).
const es256Size = 64

// sign returns the signature of input. ES256 reads the system's random source.
func (k Key) sign(input string) ([]byte, error) {
	signature, err := k.method.Sign(input, k.private())
	if err != nil {
		return nil, fmt.Errorf("signing token: %w", err)
	}
	return signature, nil
}

// verify reports whether sign made this signature of input. The signature must be size bytes long.
//
// For an ES256 signature (R, S) an attacker can compute a second valid one, (R, N-S). It gains nothing: tokens are
// revoked by jti, and the cache of verified tokens has one entry for each spelling.
func (k Key) verify(input string, signature []byte) bool {
	return k.method.Verify(input, signature, k.public) == nil
}
