package store

import (
	"context"
	"fmt"
	"time"
)

// MaxFamilySize bounds a family in bytes, encoded and without its Token.
const MaxFamilySize = 8 << 10

// MaxLogins bounds the enrolled logins of one subject. With one more, the store drops the login that ends
// first, and [Families.WithdrawAll] does not return it.
const MaxLogins = 100

// CountedRepeats bounds the late repeats of one login in [Family.Repeats].
const CountedRepeats = 3

// Family is a login that may be refreshed. It has the secret of its refresh tokens and the claims of its
// access tokens.
//
// It has no refresh tokens. Each is derived from Secret and its number: two clients that present the same
// one get the same successor. Its JSON follows the rules of a [Record].
type Family struct {
	// ID is the login, the part before the dot in the jti of all its tokens. Required.
	ID string `json:"-"`
	// Version counts the changes. The store sets it, as in a [Record].
	Version uint64 `json:"-"`

	// Secret derives the refresh tokens.
	Secret Bytes32 `json:"secret,omitzero"`
	// Serial is the number of the newest token: the refresh token that no app has used yet, or the
	// cookie that was sent last.
	Serial uint64 `json:"serial,omitzero"`
	// Token is the token that was sent with that number: an app's access token, or a browser's session
	// token. A repeated request gets it again. Empty for the first number.
	Token string `json:"token,omitzero"`
	// AnsweredAt is the time at which an app last got that number, to the second. Zero for the first.
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// Repeats are the times of the last repeated requests for it after the free ones, in no order.
	Repeats [CountedRepeats]time.Time `json:"repeated_at,omitzero"`
	// PresentedAt is the time at which a browser first sent the newest cookie. Zero before.
	PresentedAt time.Time `json:"presented_at,omitzero"`
	// ParentPresentedAt is the time at which a browser first sent the cookie before it. Zero for the
	// first.
	ParentPresentedAt time.Time `json:"parent_presented_at,omitzero"`

	// KeyThumbprint is the RFC 7638 thumbprint of the key that the login is bound to (RFC 9449). [Family.BindKey] sets
	// it. The tokens of such a login are of no use without the key, and its refresh token is not rotated. Empty for a
	// login without a key.
	KeyThumbprint string `json:"dpop_jkt,omitzero"`

	// Kind is the kind of the tokens: access tokens of an app, or session tokens of a browser.
	Kind Kind `json:"kind,omitzero"`
	// Subject is the user.
	Subject string `json:"subject,omitzero"`
	// ACR is the level of assurance of the login. It is never refreshed.
	ACR string `json:"acr,omitzero"`
	// AuthTime is the time at which the user authenticated. It is never refreshed.
	AuthTime time.Time `json:"auth_time,omitzero"`
	// Claims are the user's claims, as JSON. They are never refreshed.
	Claims string `json:"claims,omitzero"`

	// CreatedAt is the time at which the login ended with a token.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// ExpiresAt is the time from which the login can no longer be refreshed. Required.
	ExpiresAt time.Time `json:"expires_at,omitzero"`

	// ReadAt is the store's clock at the moment of LoadFamily. All replicas that share a store see
	// one clock in it. It is not kept.
	ReadAt time.Time `json:"-"`

	// Needs is as [Record.Needs].
	Needs string `json:"needs,omitzero"`
	// Unknown is as [Record.Unknown].
	Unknown Members `json:"-"`
}

// BindKey binds the login to a key, as [Record.BindKey] does.
func (f *Family) BindKey(thumbprint string) {
	f.KeyThumbprint, f.Needs = thumbprint, withNeed(f.Needs, needDPoP)
}

// Families keeps logins that may be refreshed until they expire, and the list of running logins of each
// subject. Its methods behave as described at [Store].
type Families interface {
	// CreateFamily keeps a new family and sets its Version to 1. It returns [ErrExists],
	// and [ErrInvalid] for one without an ID or larger than [MaxFamilySize].
	CreateFamily(ctx context.Context, f *Family) error
	// LoadFamily returns a family with its ReadAt, or [ErrNotFound].
	LoadFamily(ctx context.Context, id string) (*Family, error)
	// UpdateFamily replaces a family if its version is still f.Version, and advances
	// f.Version; otherwise it returns [ErrConflict] or [ErrNotFound]. ExpiresAt is fixed.
	UpdateFamily(ctx context.Context, f *Family) error
	// DeleteFamily removes a family. An unknown one is no error.
	DeleteFamily(ctx context.Context, id string) error

	// Enroll adds a login of a subject that runs until then. A second call for the same login changes
	// until.
	Enroll(ctx context.Context, subject, login string, until time.Time) error

	// Withdraw removes a login of a subject. A login that is not enrolled is no error.
	Withdraw(ctx context.Context, subject, login string) error

	// WithdrawAll removes all logins of a subject and returns those that were still running, in no order.
	// It deletes no [Family] and revokes nothing.
	WithdrawAll(ctx context.Context, subject string) (logins []string, err error)
}

// EncodeFamily returns a family in JSON, for a store outside of the process, without ID and Version. It
// returns [ErrInvalid] for an invalid one.
func EncodeFamily(f *Family) ([]byte, error) {
	own := *f
	inUTC(own.times())
	data, err := marshal(&own, f.Unknown)
	if err != nil {
		return nil, err
	}
	if f.ID == "" || len(f.Token) > MaxTokenSize || len(data)-len(f.Token) > MaxFamilySize {
		return nil, fmt.Errorf("%w: family of %d bytes", ErrInvalid, len(data))
	}
	return data, nil
}

// DecodeFamily returns the family that [EncodeFamily] wrote, in this release or another. Its times
// are in UTC. It returns [ErrNewer] for one that needs a newer release.
func DecodeFamily(data []byte) (*Family, error) {
	f, unknown, err := unmarshal[Family](data)
	if err == nil {
		err = checkNeeds(f.Needs)
	}
	if err != nil {
		return nil, err
	}
	if !inUTC(f.times()) {
		return nil, errCorrupt
	}
	f.Unknown = unknown
	return f, nil
}

// times returns every stored time of a family.
func (f *Family) times() []*time.Time {
	times := []*time.Time{
		&f.AnsweredAt, &f.PresentedAt, &f.ParentPresentedAt, &f.AuthTime, &f.CreatedAt, &f.ExpiresAt,
	}
	for i := range f.Repeats {
		times = append(times, &f.Repeats[i])
	}
	return times
}
