package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
)

// jwk is the members of a JSON Web Key.
type jwk map[string]any

// parseJWK reads a private JWK, and refuses one that is meant for something else than signing.
func parseJWK(data []byte) (any, error) {
	members, err := parseObject(data)
	if err != nil {
		return nil, formatError("not one JSON object")
	}
	k := jwk(members)
	if _, ok := k["keys"]; ok {
		return nil, formatError("a JWK set: keep one private JWK in it and nothing else")
	}
	switch k["kty"] {
	case "EC":
		return k.parse(ES256, "P-256", k.ec)
	case "OKP":
		return k.parse(EdDSA, "Ed25519", k.ed25519)
	case "RSA":
		return k.parse(RS256, nil, k.rsa)
	case "oct":
		return nil, kindError("symmetric, so that whoever verifies could also sign")
	}
	return nil, formatError("JSON, but not a JWK of kty EC, OKP or RSA")
}

// parse checks what all kinds share, then reads the key itself.
func (k jwk) parse(algorithm Algorithm, curve any, read func() (any, error)) (any, error) {
	if k["crv"] != curve {
		return nil, kindError("a JWK whose crv is not for %s", algorithm)
	}
	if _, ok := k["d"]; !ok {
		return nil, kindError("public, and a private key is needed to sign")
	}
	if alg, ok := k["alg"]; ok && alg != string(algorithm) {
		return nil, kindError("a JWK whose alg is not %s: remove alg if the key is for nothing else", algorithm)
	}
	if use, ok := k["use"]; ok && use != "sig" {
		return nil, kindError("a JWK whose use is not sig")
	}
	if ops, ok := k["key_ops"]; ok {
		if list, _ := ops.([]any); !slices.Contains(list, any("sign")) {
			return nil, kindError("a JWK whose key_ops do not include sign")
		}
	}
	private, err := read()
	if err != nil {
		return nil, formatError("a JWK whose members are missing, not base64url, or do not belong together")
	}
	return private, nil
}

// ec reads RFC 7518 section 6.2.
func (k jwk) ec() (any, error) {
	d, x, y := k.bytes("d"), k.bytes("x"), k.bytes("y")
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return nil, err
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(point, slices.Concat([]byte{4}, x, y)) {
		return nil, ErrKeyFormat
	}
	return private, nil
}

// ed25519 reads RFC 8037 section 2.
func (k jwk) ed25519() (any, error) {
	seed, x := k.bytes("d"), k.bytes("x")
	if len(seed) != ed25519.SeedSize {
		return nil, ErrKeyFormat
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(private[ed25519.SeedSize:], x) {
		return nil, ErrKeyFormat
	}
	return private, nil
}

// rsa reads RFC 7518 section 6.3. The two primes are required, as every tool writes them, and what follows from them
// is computed anew.
func (k jwk) rsa() (any, error) {
	e := new(big.Int).SetBytes(k.bytes("e"))
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, ErrKeyFormat
	}
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(k.bytes("n")), E: int(e.Int64())},
		D:         new(big.Int).SetBytes(k.bytes("d")),
		Primes:    []*big.Int{new(big.Int).SetBytes(k.bytes("p")), new(big.Int).SetBytes(k.bytes("q"))},
	}
	if _, ok := k["oth"]; ok {
		return nil, ErrKeyFormat
	}
	// Checking a huge key takes minutes, and newKey refuses it by its size.
	if private.N.BitLen() > maxRSABits {
		return private, nil
	}
	if err := private.Validate(); err != nil {
		return nil, err
	}
	private.Precompute()
	return private, nil
}

// bytes is a member's decoded value, or nil, which no key has, when it is missing or not strict base64url.
func (k jwk) bytes(member string) []byte {
	text, _ := k[member].(string)
	data, err := decode(text)
	if err != nil {
		return nil
	}
	return data
}
