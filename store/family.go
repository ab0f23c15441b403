package store

import (
	"context"
	"fmt"
	"time"
)

// MaxFamilySize bounds a family in bytes, encoded and without its Token.
const MaxFamilySize = 8 << 10

// MaxLogins is how many logins of one subject a store enrolls. When there is one more, the login
// that ends first is forgotten, and [Families.WithdrawAll] does not return it.
const MaxLogins = 100

// CountedRepeats is how many late repeats of one login [Family.Repeats] remembers.
const CountedRepeats = 3

// Family is a login that may be refreshed: what its refresh tokens are made from, and
// what every access token says that it is exchanged for.
//
// Refresh tokens are not kept. Each is derived from Secret and its number, so that of
// two clients that present the same one both get the same successor. Its JSON is as that of a [Record].
type Family struct {
	// ID is the login, the part before the dot in the jti of all its tokens. Required.
	ID string `json:"-"`
	// Version counts the changes. It belongs to the store, as that of a [Record] does.
	Version uint64 `json:"-"`

	// Secret derives the refresh tokens.
	Secret Bytes32 `json:"secret,omitzero"`
	// Serial is the number of the newest token: the refresh token that no app has used yet, or
	// the cookie that was handed out last.
	Serial uint64 `json:"serial,omitzero"`
	// Token is the token that was handed out with that number: an app's access token, or a
	// browser's session token. A repeated request gets it again. Empty for the first number.
	Token string `json:"token,omitzero"`
	// AnsweredAt is when an app last got that number, to the second. Zero for the first.
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// Repeats is when an app last asked for it again too late to be free, in no order.
	Repeats [CountedRepeats]time.Time `json:"repeated_at,omitzero"`
	// PresentedAt is when a browser first sent the newest cookie. Zero before.
	PresentedAt time.Time `json:"presented_at,omitzero"`
	// ParentPresentedAt is when a browser first sent the cookie before it. Zero for the first.
	ParentPresentedAt time.Time `json:"parent_presented_at,omitzero"`

	// Kind says what the login's tokens are: access tokens of an app, or session
	// tokens of a browser.
	Kind Kind `json:"kind,omitzero"`
	// Subject is the user.
	Subject string `json:"subject,omitzero"`
	// ACR is the level of assurance of the login. It is never refreshed.
	ACR string `json:"acr,omitzero"`
	// AuthTime is when the user authenticated. It is never refreshed.
	AuthTime time.Time `json:"auth_time,omitzero"`
	// Claims are the user's claims, as JSON. They are never refreshed.
	Claims string `json:"claims,omitzero"`

	// CreatedAt is when the login ended with a token.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// ExpiresAt is when it can no longer be refreshed, whatever happens. Required.
	ExpiresAt time.Time `json:"expires_at,omitzero"`

	// ReadAt is the store's clock at the moment of LoadFamily. All replicas that share a store see
	// one clock in it. It is not kept.
	ReadAt time.Time `json:"-"`

	// Needs is as [Record.Needs].
	Needs string `json:"needs,omitzero"`
	// Unknown is as [Record.Unknown].
	Unknown Members `json:"-"`
}

// Families keeps logins that ended with a token: those that may be refreshed, until they expire, and
// which logins of a subject are running. Its methods are called and fail as those of a [Store].
type Families interface {
	// CreateFamily keeps a new family and sets its Version to 1. It returns [ErrExists],
	// and [ErrInvalid] for one without an ID or larger than [MaxFamilySize].
	CreateFamily(ctx context.Context, f *Family) error
	// LoadFamily returns a family with its ReadAt, or [ErrNotFound].
	LoadFamily(ctx context.Context, id string) (*Family, error)
	// UpdateFamily replaces a family if its version is still f.Version, and advances
	// f.Version; otherwise it returns [ErrConflict] or [ErrNotFound]. ExpiresAt is fixed.
	UpdateFamily(ctx context.Context, f *Family) error
	// DeleteFamily forgets a family. One that is not there is no error.
	DeleteFamily(ctx context.Context, id string) error

	// Enroll notes that a login of a subject runs until then. A second call for the same login
	// changes until.
	Enroll(ctx context.Context, subject, login string, until time.Time) error

	// Withdraw forgets a login of a subject. A login that is not enrolled is no error.
	Withdraw(ctx context.Context, subject, login string) error

	// WithdrawAll forgets all logins of a subject and returns those that were still running, in no
	// order. It deletes no [Family] and revokes nothing.
	WithdrawAll(ctx context.Context, subject string) (logins []string, err error)
}

// EncodeFamily returns a family in JSON, for a store outside of the process: all of it but ID and
// Version. It returns [ErrInvalid] for one that no store keeps.
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

// times returns every time of a family that is kept.
func (f *Family) times() []*time.Time {
	times := []*time.Time{
		&f.AnsweredAt, &f.PresentedAt, &f.ParentPresentedAt, &f.AuthTime, &f.CreatedAt, &f.ExpiresAt,
	}
	for i := range f.Repeats {
		times = append(times, &f.Repeats[i])
	}
	return times
}
