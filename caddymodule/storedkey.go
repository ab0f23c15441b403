package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// errStoredKeys is returned when what is in storage cannot be read as keys.
var errStoredKeys = errors.New("stored keys are damaged")

// storedKeys is the document in storage, private keys included. The roles of its keys follow
// from their times, so that replicas agree without writing.
type storedKeys struct {
	Keys []storedKey `json:"keys"`
}

// storedKey is one signing key. Times are in UTC, in whole seconds.
type storedKey struct {
	ID        string          `json:"kid"`
	Algorithm token.Algorithm `json:"alg"`
	// PrivateKey is PKCS #8 in PEM.
	PrivateKey string    `json:"private_key"`
	CreatedAt  time.Time `json:"created_at"`
	// SignsFrom is when the key takes over from the one before it; until then it is published
	// as the next one.
	SignsFrom time.Time `json:"signs_from"`
	// VerifiesUntil is when the last token that a previous key signed has expired. Zero means
	// that the key has no end yet.
	VerifiesUntil time.Time `json:"verifies_until,omitzero"`
	// LongestSeconds is the longest that a token lives which the key has signed, in all
	// configurations so far: one that shortens lifetimes does not shorten those of tokens.
	LongestSeconds int64 `json:"longest_lifetime_seconds,omitempty"`
}

func newStoredKey(algorithm token.Algorithm, now time.Time) (storedKey, error) {
	key, err := token.GenerateKey(algorithm)
	if err != nil {
		return storedKey{}, err
	}
	private, err := key.MarshalPEM()
	if err != nil {
		return storedKey{}, err
	}
	now = wholeSecond(now)
	return storedKey{ID: key.ID(), Algorithm: algorithm, PrivateKey: string(private), CreatedAt: now, SignsFrom: now}, nil
}

func wholeSecond(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// good reports whether tokens of the key may still be.
func (k storedKey) good(now time.Time) bool {
	return k.VerifiesUntil.IsZero() || now.Before(k.VerifiesUntil)
}

func (k storedKey) tookOver(now time.Time) bool { return !k.SignsFrom.After(now) }

func (k storedKey) longest() time.Duration { return time.Duration(k.LongestSeconds) * time.Second }

// afterlife is how long the key verifies after it signed.
func (k storedKey) afterlife() time.Duration { return k.longest() + keyMargin }

// signs reports whether a token that the key signs now stays good for as long as it lives.
func (k storedKey) signs(r rotation, now time.Time) bool {
	return k.VerifiesUntil.IsZero() || !k.VerifiesUntil.Before(now.Add(r.noted(k).afterlife()))
}

// signing is the key that signs now, if there is one: of the algorithm's keys the last to have
// taken over. Where none has, one of another algorithm goes on, as verifiers may not know the
// new one yet. Where no key at all has taken over it is the first to come: the clock of the
// replica that made a lone key may be ahead, and a second key would only replace the first.
func (s storedKeys) signing(r rotation, now time.Time) (key storedKey, ok bool) {
	keys, ok := prefer(s.Keys, func(k storedKey) bool { return k.good(now) })
	if !ok {
		return storedKey{}, false
	}
	keys, past := prefer(keys, func(k storedKey) bool { return k.tookOver(now) })
	if !past {
		return slices.MinFunc(keys, bySignsFrom), true
	}
	// Without this a change back to an algorithm would find its last key, about to expire.
	keys, _ = prefer(keys, func(k storedKey) bool { return k.signs(r, now) })
	keys, _ = prefer(keys, func(k storedKey) bool { return k.Algorithm == r.algorithm })
	return slices.MaxFunc(keys, bySignsFrom), true
}

// prefer narrows keys down to those that fit, if there are any.
func prefer(keys []storedKey, fits func(storedKey) bool) ([]storedKey, bool) {
	var fitting []storedKey
	for _, key := range keys {
		if fits(key) {
			fitting = append(fitting, key)
		}
	}
	if len(fitting) == 0 {
		return keys, false
	}
	return fitting, true
}

func sorted(keys []storedKey) []storedKey {
	return slices.SortedFunc(slices.Values(keys), bySignsFrom)
}

func bySignsFrom(a, b storedKey) int {
	return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.ID, b.ID))
}

// next is the index of the algorithm's key that takes over next, or -1.
func (s storedKeys) next(r rotation, now time.Time) int {
	current, _ := s.signing(r, now)
	next := -1
	for i, key := range s.Keys {
		if key.Algorithm != r.algorithm || key.tookOver(now) || key.ID == current.ID {
			continue
		}
		if next < 0 || bySignsFrom(key, s.Keys[next]) < 0 {
			next = i
		}
	}
	return next
}

// role is what a key does now, in a word.
func (s storedKeys) role(key storedKey, r rotation, now time.Time) string {
	current, _ := s.signing(r, now)
	switch {
	case key.ID == current.ID:
		return "current"
	case !key.good(now):
		return "expired"
	case !key.tookOver(now):
		return "next"
	}
	return "previous"
}

// published are the keys that are still good, the one that signs in front.
func (s storedKeys) published(r rotation, now time.Time) []storedKey {
	signing, ok := s.signing(r, now)
	if !ok {
		return nil
	}
	published := []storedKey{signing}
	for _, key := range s.Keys {
		if key.ID != signing.ID && key.good(now) {
			published = append(published, key)
		}
	}
	return published
}

// check refuses keys that are not what they say.
func (s storedKeys) check() error {
	if len(s.Keys) == 0 {
		return nil
	}
	_, err := keySet(s.Keys)
	return err
}

// keySet parses keys, of which the first signs.
func keySet(stored []storedKey) (*token.KeySet, error) {
	keys := make([]*token.Key, len(stored))
	for i, s := range stored {
		key, err := token.ParseKey([]byte(s.PrivateKey), s.Algorithm)
		if err != nil || key.ID() != s.ID {
			return nil, fmt.Errorf("%w: the key %q is not what it says; restore the file, or delete it to log everybody out and begin anew", errStoredKeys, s.ID)
		}
		keys[i] = key
	}
	return token.NewKeySet(keys[0], keys[1:]...)
}
