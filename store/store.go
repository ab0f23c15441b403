// Package store keeps the state of a gateway: pending logins, finished ones for a while, logins that may
// be refreshed, revoked tokens, and the counters of limits.
//
// A [Store] has no logic of a login. A record changes only by compare-and-set ([Logins.Update]): of
// concurrent finishes of one login, on any replica, one continues at every step. [Memory] serves a single
// process. Every store passes the suite in package storetest. Records and families are JSON, so
// that replicas of two releases can share a store.
package store

import (
	"errors"
	"time"
)

// Retention is the time for which a store keeps a record after its login: after [Record.EndedAt], or
// [Record.ExpiresAt] of a login that did not end. It may keep a reduced record longer: see [Record.KeepUntil].
const Retention = 5 * time.Minute

// MaxRecordSize bounds one record in bytes, encoded and without its Token. No usable record is larger: an
// authorization request URL that long opens no app.
const MaxRecordSize = 8 << 10

// MaxTokenSize bounds [Record.Token] and [Family.Token] in bytes.
const MaxTokenSize = 8 << 10

var (
	// ErrNotFound is returned when the store has no record with that ID: it never had one, the record
	// was evicted, or its [Retention] is over.
	ErrNotFound = errors.New("no such record")
	// ErrExists is returned when a record is created under an ID that is taken.
	ErrExists = errors.New("record exists already")
	// ErrConflict is returned when a record changed since it was loaded. Load it again.
	ErrConflict = errors.New("record was changed meanwhile")
	// ErrFull is returned when a bound is reached and no record can be evicted.
	ErrFull = errors.New("too many pending sessions")
	// ErrInvalid is returned for a record, family or revocation without an ID, without a scope, or
	// larger than [MaxRecordSize] or [MaxFamilySize].
	ErrInvalid = errors.New("invalid record")
	// ErrUnavailable is returned when the store does not answer: it cannot be reached, is too slow, or
	// is closed. The caller refuses the request.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnconfirmed is returned, together with [ErrUnavailable], when a change was made and a
	// standby server did not confirm it in time. The change is in force. A failover before the
	// standby has it could undo it. The caller asks for the change again.
	ErrUnconfirmed = errors.New("the change is in force, but no standby server has confirmed it; send it again")
)

// Store keeps the state of a gateway. Its methods may be called from many goroutines. They return the
// context's error when it ends before the store answers, and [ErrUnavailable] when the store does not
// answer. Arguments and results are copies.
type Store interface {
	Logins
	Families
	Revocations
	Limits

	// Close ends every goroutine of the store and waits for them. Afterwards all methods return
	// [ErrUnavailable]. Closing again does nothing.
	Close() error
}
