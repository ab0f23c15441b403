package token

import (
	"crypto/elliptic"
	"fmt"
	"math/big"
)

// es256Size is the length of an ES256 signature: R and S of 32 bytes each (RFC 7518 section 3.4).
const es256Size = 64

// sign returns the signature of input. It reads the system's random source for ES256 and does no other I/O.
func (k Key) sign(input string) ([]byte, error) {
	signature, err := k.method.Sign(input, k.private())
	if err != nil {
		return nil, fmt.Errorf("signing token: %w", err)
	}
	if k.algorithm == ES256 {
		lowerS(signature)
	}
	return signature, nil
}

// verify reports whether sign made this signature of input; it must be size bytes long.
func (k Key) verify(input string, signature []byte) bool {
	if k.algorithm == ES256 && highS(signature) {
		return false
	}
	return k.method.Verify(input, signature, k.public) == nil
}

// ECDSA signatures come in pairs: (R, S) and (R, N-S) are both good, so anybody could spell a token of ours in a
// second way that a cache, a log or a deny list takes for another token. Only the one with the smaller S is ours.

// halfOrder is half of N, the order of P-256, rounded down.
const halfOrder = "\x7f\xff\xff\xff\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff" +
	"\xde\x73\x7d\x56\xd3\x8b\xcf\x42\x79\xdc\xe5\x61\x7e\x31\x92\xa8"

// highS reports whether S is the larger of the two.
func highS(signature []byte) bool { return string(signature[es256Size/2:]) > halfOrder }

// lowerS replaces S by the smaller of the two, in place.
func lowerS(signature []byte) {
	if !highS(signature) {
		return
	}
	s := new(big.Int).SetBytes(signature[es256Size/2:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[es256Size/2:])
}
