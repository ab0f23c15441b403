package token

import (
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// An encrypted token is a nested JWT (RFC 7519 section 5.2): a signed token inside a JWE in compact serialization
// (RFC 7516 section 7.1). Only the gateway opens it. Its protected header has exactly these members, in this order and
// without blanks:
//
//	{"alg":"A256KW","cty":"JWT","enc":"A256GCM","kid":"<key>","typ":"<typ>"}
//
// kid is the ID of the key that signed the token inside, and typ is the typ of that token: "session+jwt" or "at+jwt".
// The key of the content is random, and wrapped by the key that [Key.Derive] returns for the use and the issuer.

// Lengths of the parts of a JWE with A256KW and A256GCM, in base64url (RFC 7518 sections 4.4 and 5.3).
var (
	wrappedKeyLength = encoding.EncodedLen(32 + 8)
	ivLength         = encoding.EncodedLen(12)
	tagLength        = encoding.EncodedLen(16)
)

// jweParts is the number of parts of a JWE. A signed token has three.
const jweParts = 5

// IsEncrypted reports whether a token has the form of an encrypted one. It checks nothing else.
func IsEncrypted(raw string) bool { return strings.Count(raw, ".") == jweParts-1 }

// jweHead returns the first part of the tokens of that typ which the key encrypts.
func (k Key) jweHead(typ string) string {
	return encoding.EncodeToString([]byte(
		`{"alg":"A256KW","cty":"JWT","enc":"A256GCM","kid":"` + k.id + `","typ":"` + typ + `"}`))
}

// encrypt returns the signed token inside a JWE.
func (k Key) encrypt(kind kind, issuer, signed string) (string, error) {
	// Before the work, so that a large token costs little. The size in the end is checked too.
	if len(signed) > MaxSize {
		return "", ErrTooLarge
	}
	options := new(jose.EncrypterOptions).WithType(jose.ContentType(kind.typ)).WithContentType("JWT")
	recipient := jose.Recipient{Algorithm: jose.A256KW, Key: k.Derive(kind.use, issuer), KeyID: k.id}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, recipient, options)
	if err != nil {
		return "", fmt.Errorf("encrypting token: %w", err)
	}
	object, err := encrypter.Encrypt([]byte(signed))
	if err != nil {
		return "", fmt.Errorf("encrypting token: %w", err)
	}
	raw, err := object.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("encrypting token: %w", err)
	}
	if len(raw) > MaxSize {
		return "", ErrTooLarge
	}
	return raw, nil
}

// decrypt returns the signed token inside a JWE of that kind, and the key that encrypted it. The caller verifies the
// signed token, and has bounded raw. No key is derived before the header, and the length and spelling of every part, are
// those of our own.
func (s *KeySet) decrypt(kind kind, issuer, raw string) (*Key, string, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != jweParts || len(parts[0]) > maxHeader {
		return nil, "", ErrMalformed
	}
	known, ok := s.byJWEHead[parts[0]]
	if !ok {
		return nil, "", s.foreignJWE(parts[0])
	}
	if known.typ != kind.typ {
		return nil, "", ErrType
	}
	if len(parts[1]) != wrappedKeyLength || len(parts[2]) != ivLength || parts[3] == "" || len(parts[4]) != tagLength {
		return nil, "", ErrMalformed
	}
	for _, part := range parts[1:] {
		if _, err := decode(part); err != nil { // go-jose accepts more than one spelling
			return nil, "", err
		}
	}
	signed, err := decryptJWE(raw, known.key.Derive(kind.use, issuer))
	return known.key, signed, err
}

// decryptJWE opens a JWE whose header was checked.
func decryptJWE(raw string, wrapping []byte) (string, error) {
	object, err := jose.ParseEncryptedCompact(raw, []jose.KeyAlgorithm{jose.A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return "", ErrMalformed
	}
	signed, err := object.Decrypt(wrapping)
	if err != nil {
		return "", ErrDecryption
	}
	return string(signed), nil
}

// foreignJWE returns the reason to refuse a header that no key of the set writes. A header with one member more or less,
// or with members in another order, is malformed.
func (s *KeySet) foreignJWE(head string) error {
	data, err := decode(head)
	if err != nil {
		return err
	}
	members, err := parseObject(data)
	if err != nil {
		return err
	}
	if id, ok := members["kid"].(string); ok && s.byID[id] == nil {
		return ErrUnknownKey
	}
	return ErrMalformed
}
