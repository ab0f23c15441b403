package login

import (
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
	// RepeatWindow is how long after an answer the same refresh token gets the same answer again for
	// free. A later repeat is counted. It is also how long a browser's cookie is served after the
	// browser has sent its successor, because requests run in parallel.
	RepeatWindow = 30 * time.Second
	// CountedRepeats is how many counted repeats a login may have in any [CountedRepeatsWindow]. One
	// more ends the login (RFC 9700 section 4.14.2).
	CountedRepeats = store.CountedRepeats
	// CountedRepeatsWindow is the window of CountedRepeats.
	CountedRepeatsWindow = 24 * time.Hour
	// answerGrain is how exactly the time of the last answer is kept. Repeats within it write nothing
	// to the store.
	answerGrain = time.Second
)

// maxRefreshToken bounds what is looked at as a refresh token; ours have about 70 characters.
const maxRefreshToken = 256

// refreshToken is the name of one token of a family. It cannot be taken for a JWT, which has no
// tilde.
type refreshToken struct {
	login  string
	serial uint64
}

func (t refreshToken) name() string { return t.login + "~" + strconv.FormatUint(t.serial, 10) }

// signed is the token as clients hold it. Without the family's secret no client can make one.
func (t refreshToken) signed(secret [32]byte) string {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(t.name()))
	return t.name() + "~" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// parseRefreshToken reads the name of a refresh token. It proves nothing.
func parseRefreshToken(raw string) (refreshToken, bool) {
	if len(raw) > maxRefreshToken {
		return refreshToken{}, false
	}
	login, rest, ok := strings.Cut(raw, "~")
	number, _, signed := strings.Cut(rest, "~")
	serial, err := strconv.ParseUint(number, 10, 63)
	return refreshToken{login, serial}, ok && signed && err == nil && login != ""
}

// RefreshToken is one of a family with that secret.
func RefreshToken(login string, serial uint64, secret [32]byte) string {
	return refreshToken{login, serial}.signed(secret)
}

// latestRefreshToken returns the refresh token of a login that no app has used yet. A repeated finish
// gets it too: an older one would look like a copy. It is empty when the login cannot be refreshed.
func (i *issuer) latestRefreshToken(ctx context.Context, tokenID string) (string, error) {
	if !i.refreshes() {
		return "", nil
	}
	f, err := i.config.Store.LoadFamily(ctx, loginOf(tokenID))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", storeError(err)
	}
	return refreshToken{f.ID, f.Serial}.signed(f.Secret), nil
}

// Refreshed is an access token, and the refresh token that takes the place of the one used.
type Refreshed struct {
	Access    string
	ExpiresAt time.Time // of Access
	Refresh   string
}

// refresh exchanges an app's refresh token. Of any number of uses at once all get the same
// successor and the same access token.
func (i *issuer) refresh(ctx context.Context, raw string) (Refreshed, error) {
	used, ok := parseRefreshToken(raw)
	if !ok || !i.refreshes() {
		return Refreshed{}, wrap(ErrGrant, "no refresh token")
	}
	for {
		f, err := i.family(ctx, used.login)
		if err != nil {
			return Refreshed{}, err
		}
		if f.Kind != store.App || used.serial > f.Serial || !hmac.Equal([]byte(used.signed(f.Secret)), []byte(raw)) {
			return Refreshed{}, wrap(ErrGrant, "another refresh token")
		}
		next, err := i.exchange(ctx, f, used.serial)
		if !errors.Is(err, store.ErrConflict) {
			return next, err
		}
	}
}

// exchange answers the use of one refresh token of a family. It returns [store.ErrConflict] when
// another use came first.
func (i *issuer) exchange(ctx context.Context, f *store.Family, serial uint64) (Refreshed, error) {
	before := *f
	if !useRefreshToken(f, serial) {
		return Refreshed{}, i.endReused(ctx, f)
	}
	raw, claims, err := i.newest(ctx, f)
	if err != nil {
		return Refreshed{}, err
	}
	if *f != before {
		if err := i.config.Store.UpdateFamily(ctx, f); err != nil {
			return Refreshed{}, familyError(err)
		}
	}
	if err := i.checkFamily(ctx, f); err != nil {
		return Refreshed{}, err
	}
	return Refreshed{raw, claims.ExpiresAt, refreshToken{f.ID, f.Serial}.signed(f.Secret)}, nil
}

// useRefreshToken notes the use of a refresh token. It returns false when the use means that two
// clients hold the token: the use is older than the parent of the newest one, or its login had too
// many late repeats.
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

// countRepeat notes a late repeat, unless the login had as many as it may have.
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
