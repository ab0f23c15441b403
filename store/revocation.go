package store

import (
	"context"
	"fmt"
	"time"
)

// MaxStaleness bounds the age of the revocations that a store knows when it keeps or returns anything.
// A store that several replicas share may have a copy of this age. A store with an older copy answers
// [ErrUnavailable], but for [Revocations.Revoked] where it is configured to go on longer.
const MaxStaleness = time.Second

// Scope says what a [Revocation] refuses.
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
	// Scope says what ID is. Required.
	Scope Scope
	// ID is the jti, the login or the subject. Required.
	ID string
	// IssuedUntil limits the refusal to tokens issued in this second or before, so
	// that a user can log in again. Zero refuses them whenever they were issued.
	IssuedUntil time.Time
	// Until is when the last token concerned has expired and the revocation may be
	// forgotten. Required; a time in the past revokes nothing.
	Until time.Time
}

// Credential is what a revocation can refer to in a token.
type Credential struct {
	// TokenID is its jti. Empty is never revoked.
	TokenID string
	// Login is the login it descends from. Empty is never revoked.
	Login string
	// Subject is the user. Empty is never revoked.
	Subject string
	// IssuedAt is its iat. Compared in whole seconds.
	IssuedAt time.Time
	// Mark is that of [Revocations.Mark] when its login began. A revocation of the subject that the mark
	// includes does not refuse it, whatever the clocks say. Empty includes none.
	Mark string
}

// Validate returns [ErrInvalid] for a revocation without a scope or an ID.
func (v Revocation) Validate() error {
	if v.Scope < ScopeToken || v.Scope > ScopeSubject || v.ID == "" {
		return fmt.Errorf("%w: revocation without scope or ID", ErrInvalid)
	}
	return nil
}

// Revocations keeps which tokens are refused before they expire. Its methods are called and fail as
// those of a [Store].
type Revocations interface {
	// Revoke refuses tokens from now on. A second revocation of the same ID only
	// adds to the first. A store whose Revoked may be older than [MaxStaleness] adds the
	// difference to the times of the revocation. It returns [ErrInvalid] without a scope or an ID.
	Revoke(ctx context.Context, v Revocation) error

	// Revoked reports whether a token is refused. It is called for every request. Its answer may
	// be [MaxStaleness] old, or as old as the store is configured to allow. On an error nothing is
	// known, and the caller refuses.
	Revoked(ctx context.Context, c Credential) (bool, error)

	// Mark names the revocations that this replica knows now; empty when there are none. A login
	// that notes it when it begins can show later that it began after a revocation, although the
	// replicas' clocks differ. It has letters, digits and no other characters.
	Mark(ctx context.Context) (string, error)
}
