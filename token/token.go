// Package token issues and verifies the gateway's own JSON Web Tokens, and keeps the keys that sign them.
//
// There are three kinds. Apps present an access token (RFC 9068, typ "at+jwt"). A browser has a session token (typ
// "session+jwt") in a cookie that only the gateway reads. An upstream reads a minted token: an access token with sid,
// which is no credential at the gateway. The same keys sign all of them. One kind is never accepted as another. A
// session token is always encrypted, and the access token of an app where [Config] says so: outside the gateway it is
// opaque.
//
// A token does not choose how it is verified. The key with its ID comes from the gateway's KeySet, the algorithm is that
// of the key, and a header that this package does not write is refused before the signature is checked. This package
// fetches nothing.
//
// A gateway makes a [Key] or reads one with [ParseKey], collects its keys in a [KeySet], puts that in force with
// [Keys], and issues and verifies tokens with an [Authority]. To rotate keys, it puts another KeySet into the Keys.
//
// See RFC 7519 (https://www.rfc-editor.org/rfc/rfc7519), RFC 8725 (https://www.rfc-editor.org/rfc/rfc8725) and
// RFC 9068 (https://www.rfc-editor.org/rfc/rfc9068).
package token

import (
	"errors"
	"time"
)

// MaxSize bounds a token in bytes, issued or read: 8 KiB, within the header limits of common servers.
const MaxSize = 8 << 10

// Skew bounds the difference between any two clocks: of replicas, Redis, Signicat, and services that verify tokens. A
// token is valid for that time after its exp, and before its iat and nbf.
const Skew = 60 * time.Second

// idp is the claim idp of every token: the identity provider of the login.
const idp = "itsme"

// The errors of issuing and verifying. None of them has any part of the token.
var (
	// ErrNoKeys is returned when the Keys holds no KeySet: the gateway has no keys yet.
	ErrNoKeys = errors.New("no signing keys yet")
	// ErrTooLarge is returned when a token is longer than MaxSize.
	ErrTooLarge = errors.New("token is too large")
	// ErrMalformed is returned when a token is not three strict base64url parts (five when it is encrypted), when its
	// header or payload is not one JSON object without duplicate members, when its header has a member that this package
	// never writes, or when its signature is not as long as those of its key.
	ErrMalformed = errors.New("token is malformed")
	// ErrType is returned when a token is of another kind than the caller accepts, or is not encrypted where every token
	// of the kind is.
	ErrType = errors.New("token is of another type")
	// ErrMinted is returned when a token with sid is presented as a credential, and when a token without sid is read as
	// a minted one.
	ErrMinted = errors.New("token for an upstream where a credential belongs, or the reverse")
	// ErrAlgorithm is returned when an algorithm is not supported, or is not the one of the key that a token names.
	ErrAlgorithm = errors.New("algorithm is not accepted")
	// ErrUnknownKey is returned when a token names a key that is not in the KeySet.
	ErrUnknownKey = errors.New("token key is unknown")
	// ErrSignature is returned when the key that a token names did not sign it.
	ErrSignature = errors.New("token signature is invalid")
	// ErrDecryption is returned when the key that an encrypted token names did not encrypt it for its kind and issuer.
	ErrDecryption = errors.New("token cannot be decrypted")
	// ErrExpired is returned when a token's exp is past by more than Skew, or when a token to issue has its end in the
	// past.
	ErrExpired = errors.New("token is expired")
	// ErrNotYetValid is returned when a token's iat or nbf is in the future by more than Skew.
	ErrNotYetValid = errors.New("token is not yet valid")
	// ErrIssuer is returned when a token's iss is not Config.Issuer.
	ErrIssuer = errors.New("token is from another issuer")
	// ErrAudience is returned when a token's aud has none of the accepted audiences.
	ErrAudience = errors.New("token is for another audience")
	// ErrClaims is returned when a claim is missing or reserved, or has a wrong JSON type or value.
	ErrClaims = errors.New("token claims are invalid")
)
