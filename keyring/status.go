package keyring

import (
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// The roles of stored keys that neither sign nor verify. The other roles are current, next, previous and
// expired.
const (
	RoleDropped = "dropped"
	RoleForeign = "foreign"
)

// Status describes one signing key to an operator. Its times are the only data that the JWKS does not
// publish. A key of a file has no times.
type Status struct {
	KID           string          `json:"kid"`
	Algorithm     token.Algorithm `json:"alg"`
	Role          string          `json:"role"`
	CreatedAt     time.Time       `json:"created_at,omitzero"`
	AgeSeconds    *int64          `json:"age_seconds,omitempty"`
	SignsFrom     time.Time       `json:"signs_from,omitzero"`
	VerifiesUntil time.Time       `json:"verifies_until,omitzero"`
	// OlderThanDrop reports that a key was dropped after this one was made. After the restore of a backup
	// this key may be a dropped one too.
	OlderThanDrop bool `json:"older_than_drop,omitempty"`
}

// Statuses describes the keys in the order in which they take over. Dropped and foreign keys come last.
func Statuses(state State, rotation Rotation, now time.Time) []Status {
	all := []Status{}
	add := func(key Key, role string) {
		age := int64(now.Sub(key.CreatedAt) / time.Second)
		all = append(all, Status{
			KID: key.ID, Algorithm: key.Algorithm, Role: role,
			CreatedAt: key.CreatedAt, AgeSeconds: &age, SignsFrom: key.SignsFrom, VerifiesUntil: key.VerifiesUntil,
			OlderThanDrop: key.CreatedAt.Before(state.Dropped.Newest()),
		})
	}
	set := state.Set()
	for _, key := range sorted(set.Keys) {
		add(key, set.role(key, rotation, now))
	}
	for _, key := range sorted(set.Dropped) {
		add(key, RoleDropped)
	}
	for _, key := range sorted(set.Foreign) {
		add(key, RoleForeign)
	}
	return all
}

// FileStatus describes the key of a file.
func FileStatus(set *token.KeySet) Status {
	return Status{KID: set.Current().ID(), Algorithm: set.Current().Algorithm(), Role: "current"}
}
