// Package token issues and verifies the gateway's own JSON Web Tokens, and keeps the keys that sign them.
//
// There are two kinds. An access token (RFC 9068, typ "at+jwt") is what apps present and upstream services read. A
// session token (typ "session+jwt") is a browser's login and lives in a cookie that only the gateway reads. Both are
// signed by the same keys, and one kind is never accepted as the other.
//
// A token is verified by what this package knows, never by what the token says: the key is looked up by its ID in
// the gateway's own KeySet, the algorithm is the key's, and a header that this package would not have written is
// refused before any signature is checked. Nothing is ever fetched.
//
// A gateway makes a [Key] or reads one with [ParseKey], collects its keys in a [KeySet], puts that in force with a
// [Keys], and issues and verifies tokens with an [Authority]. Rotating keys is putting another KeySet into the Keys.
//
// See RFC 7519 (https://www.rfc-editor.org/rfc/rfc7519), RFC 8725 (https://www.rfc-editor.org/rfc/rfc8725) and
// RFC 9068 (https://www.rfc-editor.org/rfc/rfc9068).
package token

import (
	"errors"
	"time"
)

// MaxSize is the size in bytes of the longest token that is issued or looked at: 8 KiB, which fits the header limits
// of common servers.
const MaxSize = 8 << 10

// Skew is how far any two clocks may be apart: of replicas, Redis, Signicat, and services that verify tokens. It is the
// one limit for clocks. A token is valid for so long after its exp, and before its iat and nbf.
const Skew = 60 * time.Second

// idp is the value of the claim idp in every token: the identity provider that the user logged in with.
const idp = "itsme"

// The reasons why a token is not issued or not accepted. None of them carries any part of the token.
var (
	// ErrNoKeys is returned when the Keys holds no KeySet: the gateway has not started yet.
	ErrNoKeys = errors.New("no signing keys yet")
	// ErrTooLarge is returned when a token is longer than MaxSize.
	ErrTooLarge = errors.New("token is too large")
	// ErrMalformed is returned when a token is not three strict base64url parts, when its header or payload is not
	// one JSON object without duplicate members, when its header has a member that this package never writes, or
	// when its signature is not as long as those of its key.
	ErrMalformed = errors.New("token is malformed")
	// ErrType is returned when a token is of another kind than the one asked for.
	ErrType = errors.New("token is of another type")
	// ErrAlgorithm is returned when an algorithm is not supported, or is not the one of the key that a token names.
	ErrAlgorithm = errors.New("algorithm is not accepted")
	// ErrUnknownKey is returned when a token names a key that is not in the KeySet.
	ErrUnknownKey = errors.New("token key is unknown")
	// ErrSignature is returned when a token was not signed by the key that it names.
	ErrSignature = errors.New("token signature is invalid")
	// ErrExpired is returned when a token's exp is past by more than Skew, or when one should be issued that is
	// already past its end.
	ErrExpired = errors.New("token is expired")
	// ErrNotYetValid is returned when a token's iat or nbf is in the future by more than Skew.
	ErrNotYetValid = errors.New("token is not yet valid")
	// ErrIssuer is returned when a token's iss is not Config.Issuer.
	ErrIssuer = errors.New("token is from another issuer")
	// ErrAudience is returned when a token's aud has none of the accepted audiences.
	ErrAudience = errors.New("token is for another audience")
	// ErrClaims is returned when a claim is missing, reserved, of another JSON type than it must have, or has a value
	// that no token of ours has.
	ErrClaims = errors.New("token claims are invalid")
)
