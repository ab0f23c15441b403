package login

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// RepeatWindow is the time after an answer in which a repeat of the same refresh token gets the same
	// answer and is not counted. Later repeats are counted. It is also the time in which a browser's old
	// cookie is accepted after the browser sent the new one, because requests run in parallel.
	RepeatWindow = 30 * time.Second
	// CountedRepeats bounds the counted repeats of a login in any [CountedRepeatsWindow]. One more ends the
	// login (RFC 9700 section 4.14.2).
	CountedRepeats = store.CountedRepeats
	// CountedRepeatsWindow is the window of CountedRepeats.
	CountedRepeatsWindow = 24 * time.Hour
	// answerGrain is the resolution of the stored time of the last answer. Repeats within it write nothing to
	// the store.
	answerGrain = time.Second
)

// maxRefreshToken bounds a refresh token, in bytes. Ours have about 70.
const maxRefreshToken = 256

// refreshToken names one token of a family. Its text holds a tilde, which no JWT has.
type refreshToken struct {
	loginID string
	serial  uint64
}

func (t refreshToken) name() string { return t.loginID + "~" + strconv.FormatUint(t.serial, 10) }

// signed returns the token as clients hold it. Only the family's secret makes one.
func (t refreshToken) signed(secret [32]byte) string {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(t.name()))
	return t.name() + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// parseRefreshToken reads the name of a refresh token. It does not check the signature.
func parseRefreshToken(raw string) (refreshToken, bool) {
	if len(raw) > maxRefreshToken {
		return refreshToken{}, false
	}
	loginID, rest, ok := strings.Cut(raw, "~")
	number, _, signed := strings.Cut(rest, "~")
	serial, err := strconv.ParseUint(number, 10, 63)
	return refreshToken{loginID, serial}, ok && signed && err == nil && loginID != ""
}

// refreshTokenOf returns the newest refresh token of an app's family. It is empty for a login without refresh.
func refreshTokenOf(f *store.Family) string {
	if f == nil || f.Kind != store.App {
		return ""
	}
	return refreshToken{f.ID, f.Serial}.signed(f.Secret)
}

// Refreshed holds a new access token and the refresh token that replaces the used one.
type Refreshed struct {
	Access    string
	ExpiresAt time.Time // of Access
	Refresh   string
	// Key is the thumbprint of the key that both are bound to. Empty for a login without a key.
	Key string
}

// Proof is a proof of a client's key that holds and is not used up yet. The zero value is none.
type Proof struct {
	// Thumbprint is that of the key.
	Thumbprint string
	// Use uses the proof up. It returns an error when it was used before.
	Use func() error
}

// Refresh exchanges an app's refresh token. admitted may wait, and Refresh reads the login meanwhile. Refresh returns the
// error of admitted before it changes anything.
//
// All concurrent uses of one token get the same successor and the same access token. The refresh token of a login that
// is bound to a key is not rotated: a thief cannot use it. A proof binds a login that has no key.
func (i *issuer) Refresh(ctx context.Context, raw string, proof Proof, admitted func() error) (Refreshed, error) {
	used, ok := parseRefreshToken(raw)
	if !ok || !i.refreshes() {
		return Refreshed{}, wrap(ErrGrant, "no refresh token")
	}
	for {
		f, err := i.family(ctx, used.loginID)
		if err := cmp.Or(admitted(), err); err != nil {
			return Refreshed{}, err
		}
		if f.Kind != store.App || used.serial > f.Serial || !hmac.Equal([]byte(used.signed(f.Secret)), []byte(raw)) {
			return Refreshed{}, wrap(ErrGrant, "another refresh token")
		}
		if err := i.useProof(f, &proof); err != nil {
			return Refreshed{}, err
		}
		next, err := i.exchange(ctx, f, used.serial, proof.Thumbprint)
		if !errors.Is(err, store.ErrConflict) {
			return next, err
		}
	}
}

// useProof refuses a client without the key of a login, before anything changes, and uses its proof up. It does so once,
// also when another call changes the family first.
func (i *issuer) useProof(f *store.Family, proof *Proof) error {
	bound := f.KeyThumbprint != "" || i.config.KeyRequired
	switch {
	case proof.Thumbprint == "" && bound:
		return errNoProof
	case f.KeyThumbprint != "" && proof.Thumbprint != f.KeyThumbprint:
		return wrap(ErrGrant, "another key")
	case proof.Use == nil:
		return nil
	}
	use := proof.Use
	proof.Use = nil
	return use()
}

// exchange answers one use of a refresh token by a client with that key. It returns [store.ErrConflict] when another use
// changed the family first.
func (i *issuer) exchange(ctx context.Context, f *store.Family, serial uint64, key string) (Refreshed, error) {
	before := *f
	switch {
	case f.KeyThumbprint != "": // the stored family does not change
		f.Token = ""
	case !useRefreshToken(f, serial):
		return Refreshed{}, i.endReused(ctx, f)
	case key != "":
		f.BindKey(key)
		f.Token = ""
	}
	raw, claims, err := i.newest(ctx, f)
	if err != nil {
		return Refreshed{}, err
	}
	if before.KeyThumbprint == "" && *f != before {
		if err := i.config.Store.UpdateFamily(ctx, f); err != nil {
			return Refreshed{}, familyError(err)
		}
	}
	if err := i.checkFamily(ctx, f); err != nil {
		return Refreshed{}, err
	}
	return Refreshed{raw, claims.ExpiresAt, refreshTokenOf(f), f.KeyThumbprint}, nil
}

// useRefreshToken records the use of a refresh token. It returns false when two clients must hold the token:
// the token is older than the parent of the newest one, or its login had too many late repeats.
func useRefreshToken(f *store.Family, serial uint64) bool {
	now := f.ReadAt
	switch {
	case serial == f.Serial:
		f.Serial++
		f.Token, f.AnsweredAt = "", now
		return true
	case serial+1 != f.Serial:
		return false
	case now.Sub(f.AnsweredAt) > RepeatWindow && !countRepeat(f, now):
		return false
	}
	if now.Sub(f.AnsweredAt) >= answerGrain {
		f.AnsweredAt = now
	}
	return true
}

// countRepeat records a late repeat. It returns false when the login already had as many as it may have.
func countRepeat(f *store.Family, now time.Time) bool {
	oldest := 0
	for i, at := range f.Repeats {
		if at.Before(f.Repeats[oldest]) {
			oldest = i
		}
	}
	if now.Sub(f.Repeats[oldest]) < CountedRepeatsWindow {
		return false
	}
	f.Repeats[oldest] = now
	return true
}
