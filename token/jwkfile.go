package token

import (
	"crypto/x509"

	"github.com/go-jose/go-jose/v4"
)

// parseJWK reads one private JWK. It goes through PKCS #8, which has the private part only: the public part is derived
// and not read from the JWK.
func parseJWK(data []byte) (any, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(data); err != nil {
		return nil, formatError("not one complete JWK of kty EC, OKP or RSA")
	}
	switch _, symmetric := k.Key.([]byte); {
	case symmetric:
		return nil, kindError("symmetric, so that every service that verifies could also sign")
	case k.IsPublic():
		return nil, kindError("public, and a private key is needed to sign")
	case k.Use != "" && k.Use != "sig":
		return nil, kindError("a JWK whose use is not sig")
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Key)
	if err != nil {
		return nil, formatError("a JWK with members of different keys")
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, formatError("a JWK with members of different keys")
	}
	if key, err := newKey(private); err == nil && k.Algorithm != "" && k.Algorithm != string(key.algorithm) {
		return nil, kindError("a JWK whose alg is not %s: remove alg if the key is only for this gateway", key.algorithm)
	}
	return private, nil
}
