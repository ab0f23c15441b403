package pending

import (
	"context"
	"fmt"
	"time"
)

// MaxFamilySize bounds a family in bytes, encoded and without its Token.
const MaxFamilySize = 8 << 10

// familyVersion is the first byte of an encoded family. Another layout is another version.
const familyVersion = 3

// CountedRepeats is how many late repeats of one login [Family.Repeats] remembers.
const CountedRepeats = 3

// Family is a login that may be refreshed: what its refresh tokens are made from, and
// what every access token says that it is exchanged for.
//
// Refresh tokens are not kept. Each is derived from Secret and its number, so that of
// two clients who present the same one both get the same successor.
type Family struct {
	// ID is the login, the part before the dot in the jti of all its tokens. Required.
	ID string
	// Version counts the changes. It belongs to the store, as that of a [Record] does.
	Version uint64

	// Secret derives the refresh tokens.
	Secret [32]byte
	// Serial is the number of the newest token: the refresh token that no app has used yet, or
	// the cookie that was handed out last.
	Serial uint64
	// Token is the token that was handed out with that number: an app's access token, or a
	// browser's session token. A repeated request gets it again. Empty for the first number.
	Token string
	// AnsweredAt is when an app last got that number, to the second. Zero for the first.
	AnsweredAt time.Time
	// Repeats is when an app last asked for it again too late to be free, in no order.
	Repeats [CountedRepeats]time.Time
	// PresentedAt is when a browser first sent the newest cookie. Zero before.
	PresentedAt time.Time
	// ParentPresentedAt is when a browser first sent the cookie before it. Zero for the first.
	ParentPresentedAt time.Time

	// Kind says what the login's tokens are: access tokens of an app, or session
	// tokens of a browser.
	Kind Kind
	// Subject is the person.
	Subject string
	// ACR is the level of assurance of the login. It is never refreshed.
	ACR string
	// AuthTime is when the person authenticated. It is never refreshed.
	AuthTime time.Time
	// Claims are the person's claims, as JSON. They are never refreshed.
	Claims string

	// CreatedAt is when the login ended with a token.
	CreatedAt time.Time
	// ExpiresAt is when it can no longer be refreshed, whatever happens. Required.
	ExpiresAt time.Time

	// ReadAt is the store's clock at the moment of LoadFamily. All replicas that share a store see
	// one clock in it. It is not kept.
	ReadAt time.Time
}

// Families keeps logins that may be refreshed, until they expire. Its methods are called
// and fail as those of [Store], and share no memory with the caller either.
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
}

// EncodeFamily returns a family as bytes, for a store outside of the process: all of it
// but ID and Version. It returns [ErrInvalid] for one that no store keeps.
func EncodeFamily(f *Family) ([]byte, error) {
	e := encoder{b: append(make([]byte, 0, 256+len(f.Claims)+len(f.Token)), familyVersion)}
	familyFields(f, &e)
	if f.ID == "" || len(f.Token) > MaxTokenSize || len(e.b)-len(f.Token) > MaxFamilySize {
		return nil, fmt.Errorf("%w: family of %d bytes", ErrInvalid, len(e.b))
	}
	return e.b, nil
}

// DecodeFamily returns the family that [EncodeFamily] wrote, its times in UTC, or
// [ErrCorrupt].
func DecodeFamily(data []byte) (*Family, error) {
	if len(data) == 0 || data[0] != familyVersion {
		return nil, ErrCorrupt
	}
	f := new(Family)
	d := decoder{rest: string(data[1:])}
	familyFields(f, &d)
	if d.bad || d.rest != "" {
		return nil, ErrCorrupt
	}
	return f, nil
}

// familyFields walks a family in the order of its encoding.
func familyFields(f *Family, c codec) {
	c.hash(&f.Secret)
	c.uint64(&f.Serial)
	c.text(&f.Token)
	c.time(&f.AnsweredAt)
	for i := range f.Repeats {
		c.time(&f.Repeats[i])
	}
	c.time(&f.PresentedAt)
	c.time(&f.ParentPresentedAt)
	c.uint8((*uint8)(&f.Kind))
	c.text(&f.Subject)
	c.text(&f.ACR)
	c.time(&f.AuthTime)
	c.text(&f.Claims)
	c.time(&f.CreatedAt)
	c.time(&f.ExpiresAt)
}
