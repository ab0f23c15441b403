// Package dpop checks DPoP proofs (RFC 9449): a client shows with each request that it has the private key to which its
// token is bound. A stolen token is of no use without that key.
//
// A proof is bounded and checked before its signature costs time. It says nothing about a user, and no error of this
// package has any part of it.
package dpop

import (
	"errors"
	"fmt"
	"time"
)

const (
	// Algorithm is the only algorithm of proofs: the one that Secure Enclave, Android Keystore and WebCrypto keep without
	// an export of the key.
	Algorithm = "ES256"
	// MaxProof bounds a proof in bytes. Real ones have about 600.
	MaxProof = 4 << 10
	// MaxID bounds the jti of a proof in characters.
	MaxID = 256
	// Window bounds the difference between the iat of a proof without a nonce and the gateway's clock.
	Window = 60 * time.Second
	// NonceLifetime bounds the age of a nonce.
	NonceLifetime = 5 * time.Minute
)

var (
	// ErrProof is returned when a request has no valid proof. Its text says which rule failed, and nothing of the proof.
	ErrProof = errors.New("DPoP proof is not valid")
	// ErrKey is returned, as an ErrProof, when a proof is of another key than the one it must be of.
	ErrKey = fmt.Errorf("%w: it is of another key", ErrProof)
	// ErrReplayed is returned, as an ErrProof, when a proof was used before.
	ErrReplayed = fmt.Errorf("%w: its jti was used before", ErrProof)
	// ErrNonce is returned when a proof needs a nonce of the gateway. The error is a [NonceError] with a fresh one.
	ErrNonce = errors.New("DPoP proof needs a nonce")
	// ErrTooMany is returned when one key has used [MaxOfKey] proofs that are still remembered.
	ErrTooMany = errors.New("too many DPoP proofs of one key")
	// ErrFull is returned when [MaxRemembered] proofs are remembered. A proof that cannot be remembered is not accepted.
	ErrFull = errors.New("too many DPoP proofs")
)

// NonceError is an [ErrNonce] with the nonce that the next proof should have.
type NonceError struct{ Fresh string }

// Error implements error. The text does not have the nonce.
func (*NonceError) Error() string { return ErrNonce.Error() }

// Is reports that a NonceError is an [ErrNonce].
func (*NonceError) Is(target error) bool { return target == ErrNonce }

// invalid returns an ErrProof that says which rule failed.
func invalid(rule string) error { return fmt.Errorf("%w: %s", ErrProof, rule) }
