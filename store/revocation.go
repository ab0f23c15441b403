package store

import (
	"context"
	"fmt"
	"time"
)

// MaxStaleness bounds the age of the revocations that a store knows when it keeps or returns anything. A
// store that several replicas share may have a copy of this age. A store with an older copy returns
// [ErrUnavailable], except for [Revocations.Revoked] when it is configured to allow more.
const MaxStaleness = time.Second

// Scope selects the tokens that a [Revocation] refuses.
type Scope uint8

// The scopes of a revocation. There is no scope zero.
const (
	// ScopeToken refuses the one token whose jti is the ID.
	ScopeToken Scope = iota + 1
	// ScopeLogin refuses every token that descends from one login.
	ScopeLogin
	// ScopeSubject refuses every token of one user.
	ScopeSubject
)

// Revocation refuses tokens before they expire.
type Revocation struct {
	// Scope decides the meaning of ID. Required.
	Scope Scope
	// ID is the jti, the login or the subject. Required.
	ID string
	// IssuedUntil limits the revocation to tokens issued in this second or before, so that a user can
	// log in again. Zero refuses all of them.
	IssuedUntil time.Time
	// Until is the time at which the last such token has expired. The store may then drop the
	// revocation. Required; a time in the past revokes nothing.
	Until time.Time
}

// Credential has the parts of a token that a revocation can refuse.
type Credential struct {
	// TokenID is its jti. Empty is never revoked.
	TokenID string
	// Login is the login that it descends from. Empty is never revoked.
	Login string
	// Subject is the user. Empty is never revoked.
	Subject string
	// IssuedAt is its iat. Compared in whole seconds.
	IssuedAt time.Time
	// Mark is the result of [Revocations.Mark] when its login began. A revocation of the subject that
	// the mark includes does not refuse the token, whatever the clocks. Empty includes none.
	Mark string
}

// Validate returns [ErrInvalid] for a revocation without a scope or an ID.
func (v Revocation) Validate() error {
	if v.Scope < ScopeToken || v.Scope > ScopeSubject || v.ID == "" {
		return fmt.Errorf("%w: revocation without scope or ID", ErrInvalid)
	}
	return nil
}

// Revocations keeps the list of tokens that are refused before they expire. Its methods behave as
// described at [Store].
type Revocations interface {
	// Revoke refuses tokens from now on. A second revocation of the same ID only extends the first. A
	// store whose Revoked may be older than [MaxStaleness] adds the difference to the times of the
	// revocation. It returns [ErrInvalid] without a scope or an ID, and [ErrUnconfirmed] when the
	// revocation is in force, but the loss of a server could undo it.
	Revoke(ctx context.Context, v Revocation) error

	// Confirm does again what Revoke does after it has added a revocation: it waits until the loss
	// of a server cannot undo the one of that scope and ID. It returns [ErrUnconfirmed], and nil
	// where there is none.
	Confirm(ctx context.Context, v Revocation) error

	// Revoked reports whether a token is refused. It is called for every request. Its answer may be
	// [MaxStaleness] old, or as old as the store is configured to allow. After an error the caller
	// refuses the token.
	Revoked(ctx context.Context, c Credential) (bool, error)

	// Mark returns a name for the revocations of subjects that this replica knows now; empty without any. With the
	// mark of its beginning, a login can show that it began after a revocation, although the clocks of
	// replicas differ. It has letters and digits only.
	Mark(ctx context.Context) (string, error)
}
