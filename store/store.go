// Package pending keeps logins that were started and are not finished, and what
// must be known of finished ones for a while: the answer for a client that lost
// its own, limits on starts, the tokens that are refused before they expire, and
// the logins that may be refreshed.
//
// A [Store] holds no logic of a login. It gives the caller one thing that is hard
// to get right over many replicas: a record changes only by compare-and-set
// ([Logins.Update]), so that of any number of finishes of one login exactly one
// goes on at every step. [Memory] serves a single process. Every store passes the
// suite in package storetest. Records and families are JSON, so that replicas of two
// releases can share a store.
package store

import (
	"errors"
	"time"
)

// Retention is how long a record outlives its login: [Record.EndedAt] of one that
// ended, [Record.ExpiresAt] of one that did not. Afterwards it is not found.
const Retention = 5 * time.Minute

// MaxSize bounds one record in bytes, encoded and without its Token. What exceeds
// it comes from a misbehaving Signicat or client: an authorization request URL
// that long opens no app.
const MaxSize = 8 << 10

// MaxTokenSize bounds [Record.Token] and [Family.Token] in bytes.
const MaxTokenSize = 8 << 10

var (
	// ErrNotFound is returned when the store holds no record with that ID: there
	// was none, it was evicted, or its [Retention] is over.
	ErrNotFound = errors.New("no such pending session")
	// ErrExists is returned when a record is created under an ID that is taken.
	ErrExists = errors.New("pending session exists already")
	// ErrConflict is returned when a record changed since it was loaded. Load it
	// again and decide anew.
	ErrConflict = errors.New("pending session was changed meanwhile")
	// ErrFull is returned when a bound is reached and no record may be evicted.
	ErrFull = errors.New("too many pending sessions")
	// ErrInvalid is returned when a record, family or revocation cannot be kept as
	// given: it has no ID, is larger than [MaxSize] or [MaxFamilySize], or names no
	// scope.
	ErrInvalid = errors.New("invalid record")
	// ErrUnavailable is returned when the store cannot answer: it cannot be reached, is too
	// slow, or closed. The caller refuses the request.
	ErrUnavailable = errors.New("session store unavailable")
)

// Store keeps pending sessions and what belongs to them. Its methods may be called by any number of
// goroutines at once. They return the context's error when it is done before the store answered, and
// [ErrUnavailable] when the store cannot answer. Records and families are never shared with the
// caller: what goes in and what comes out are copies.
type Store interface {
	Logins
	Families
	Revocations
	Limits

	// Close ends every goroutine of the store and waits for them. Afterwards all
	// methods return [ErrUnavailable]; closing again does nothing.
	Close() error
}
