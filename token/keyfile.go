package token

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// maxKeyFile bounds the bytes that ParseKey reads; a 4096-bit RSA key takes about 3 KiB.
const maxKeyFile = 64 << 10

// The errors of ParseKey. Each is one line with the remedy and without any part of the key.
var (
	// ErrKeyFormat is returned when data is not exactly one private key in a format that ParseKey reads.
	ErrKeyFormat = errors.New("key format is not accepted")
	// ErrKeyKind is returned when the key has a kind, size or purpose that cannot sign the tokens.
	ErrKeyKind = errors.New("key kind is not accepted")
)

// ParseKey reads one unencrypted private key: PEM (PKCS #8, SEC 1 or PKCS #1) or a JWK (RFC 7517). With want, a key
// of another algorithm is ErrKeyKind; the empty want accepts every algorithm. ParseKey ignores a kid in a JWK: the ID is
// always the thumbprint.
func ParseKey(data []byte, want Algorithm) (*Key, error) {
	key, err := parseKey(data)
	if err == nil && want != "" && key.algorithm != want {
		err = kindError("for %s, where %s is asked for: set the algorithm to %[1]s, or replace the key", key.algorithm, want)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; make a key with: %s", err, recipe(want))
	}
	return key, nil
}

func parseKey(data []byte) (*Key, error) {
	private, err := parsePrivate(data)
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

func parsePrivate(data []byte) (any, error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, formatError("empty")
	case len(data) > maxKeyFile:
		return nil, formatError("larger than 64 KiB")
	case data[0] == '{', data[0] == '[':
		return parseJWK(data)
	}
	return parsePEM(data)
}

func parsePEM(data []byte) (any, error) {
	block, rest := pem.Decode(data)
	// openssl ecparam -genkey writes a block with the curve before the key.
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, formatError("neither PEM nor a JWK")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, formatError("more than one PEM block: keep one private key in it and nothing else")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, formatError("encrypted: write it plainly with openssl pkey -in old.pem -out new.pem")
	}
	return parseBlock(block)
}

func parseBlock(block *pem.Block) (private any, err error) {
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "OPENSSH PRIVATE KEY":
		return nil, formatError("in OpenSSH's own format, which is not for signing tokens")
	case "PUBLIC KEY", "RSA PUBLIC KEY", "EC PUBLIC KEY", "CERTIFICATE":
		return nil, kindError("public, and a private key is needed to sign")
	default:
		return nil, formatError("PEM, but not of a private key")
	}
	// The parser's error may have bytes of the key.
	if err != nil {
		return nil, formatError("PEM that is damaged, mislabeled, or of a kind that signs no tokens")
	}
	return private, nil
}

func formatError(reason string) error { return fmt.Errorf("%w: it is %s", ErrKeyFormat, reason) }

func kindError(format string, a ...any) error {
	return fmt.Errorf("%w: it is %s", ErrKeyKind, fmt.Sprintf(format, a...))
}

// recipe returns the command that makes a key of the algorithm, or of the default one.
func recipe(algorithm Algorithm) string {
	switch algorithm {
	case EdDSA:
		return "openssl genpkey -algorithm ED25519"
	case RS256:
		return "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
	}
	return "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
}
