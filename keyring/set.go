package keyring

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// Owner names the gateway that a key belongs to. A key of another owner neither signs nor verifies.
type Owner struct {
	// Gateway is the gateway's name.
	Gateway string `json:"gateway,omitempty"`
	// Issuer is the iss of its tokens.
	Issuer string `json:"issuer,omitempty"`
	// Prefix is the prefix of the store. It is empty without a store that replicas share.
	Prefix string `json:"prefix,omitempty"`
}

// owns reports whether a key belongs to o. A key without an owner, of an older release, belongs to the
// gateway that finds it. A key that was made or is read without a store belongs to any prefix.
func (o Owner) owns(of Owner) bool {
	if of == (Owner{}) {
		return true
	}
	return of.Gateway == o.Gateway && of.Issuer == o.Issuer && (of.Prefix == o.Prefix || of.Prefix == "" || o.Prefix == "")
}

// Key is one signing key. Times are in UTC, in whole seconds.
type Key struct {
	ID        string          `json:"kid"`
	Algorithm token.Algorithm `json:"alg"`
	// PrivateKey is PKCS #8 in PEM.
	PrivateKey string    `json:"private_key"`
	CreatedAt  time.Time `json:"created_at"`
	// SignsFrom is the time at which the key takes over from the one before it. Until then it is the
	// next key.
	SignsFrom time.Time `json:"signs_from"`
	// VerifiesUntil is the time at which the last token of a previous key has expired. Zero for a key
	// without an end.
	VerifiesUntil time.Time `json:"verifies_until,omitzero"`
	// LongestSeconds is the longest lifetime of the tokens that the key has signed, in all
	// configurations so far. A shorter configured lifetime does not shorten it.
	LongestSeconds int64 `json:"longest_lifetime_seconds,omitempty"`
	// Retired keys are of a replaced set. They verify until their end and never sign.
	Retired bool `json:"retired,omitempty"`
	Owner
}

// Set holds the keys of a gateway. The roles of keys follow from their times, so that replicas agree
// without writing.
type Set struct {
	// Lineage is the ID of the first key. Changes of the set keep it. A set that a replica made because
	// it found none has another one.
	Lineage string
	// BeganAt is the beginning of the lineage. Of two lineages the older one continues to sign.
	BeganAt time.Time
	// Revision counts the changes. A replica uses the highest that it has seen.
	Revision uint64
	// StoreID identifies the store. Sets of different stores are not merged. It is
	// empty without a store that replicas share.
	StoreID string
	// Keys are the gateway's own keys, without those that were dropped.
	Keys []Key
	// Dropped are dropped keys in the document, such as those of a restored backup. They neither sign
	// nor verify, and are removed when the document changes.
	Dropped []Key
	// Foreign are keys of other owners in the same document. They stay there.
	Foreign []Key

	// untidy reports that the document must be written again: it has dropped keys, or keys without an
	// owner.
	untidy bool
}

// lineage returns the lineage and its beginning. For a document of an older release they are those of its
// oldest key.
func (s Set) lineage() (id string, began time.Time) {
	if s.Lineage != "" || len(s.Keys) == 0 {
		return s.Lineage, s.BeganAt
	}
	oldest := slices.MinFunc(s.Keys, func(a, b Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return oldest.ID, oldest.CreatedAt
}

// named returns the set with its lineage written down.
func (s Set) named() Set {
	s.Lineage, s.BeganAt = s.lineage()
	return s
}

// with returns the set with other keys.
func (s Set) with(keys []Key) Set {
	s.Keys = keys
	return s
}

// same reports whether two sets have the same content, whatever their revisions.
func (s Set) same(other Set) bool {
	a, began := s.lineage()
	b, otherBegan := other.lineage()
	return a == b && began.Equal(otherBegan) && s.StoreID == other.StoreID && slices.Equal(s.Keys, other.Keys) &&
		slices.Equal(s.Foreign, other.Foreign) && len(s.Dropped) == len(other.Dropped)
}

// rotating returns the number of keys that are not retired.
func (s Set) rotating() (n int) {
	for _, key := range s.Keys {
		if !key.Retired {
			n++
		}
	}
	return n
}

// has reports whether the set has a key of that ID.
func (s Set) has(id string) bool { return contains(s.Keys, id) }

func contains(keys []Key, id string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id })
}

func newKey(algorithm token.Algorithm, now time.Time) (Key, error) {
	key, err := token.GenerateKey(algorithm)
	if err != nil {
		return Key{}, err
	}
	private, err := key.MarshalPEM()
	if err != nil {
		return Key{}, err
	}
	now = wholeSecond(now)
	return Key{ID: key.ID(), Algorithm: algorithm, PrivateKey: string(private), CreatedAt: now, SignsFrom: now}, nil
}

func wholeSecond(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// good reports whether the key still verifies.
func (k Key) good(now time.Time) bool {
	return k.VerifiesUntil.IsZero() || now.Before(k.VerifiesUntil)
}

func (k Key) tookOver(now time.Time) bool { return !k.SignsFrom.After(now) }

func (k Key) longest() time.Duration { return time.Duration(k.LongestSeconds) * time.Second }

// afterlife returns the time for which the key verifies after it signed.
func (k Key) afterlife() time.Duration { return k.longest() + Margin }

// signs reports whether the key verifies a token that it signs now for all of its lifetime.
func (k Key) signs(r Rotation, now time.Time) bool {
	return k.VerifiesUntil.IsZero() || !k.VerifiesUntil.Before(now.Add(r.noted(k).afterlife()))
}

// Signing returns the key that signs now: of the algorithm's keys the last to have taken over. If none
// of them has, a key of another algorithm signs, because verifiers may not know the new one yet. If no
// key at all has taken over, the first one signs: the clock of the replica that made it may be ahead.
func (s Set) Signing(r Rotation, now time.Time) (key Key, ok bool) {
	keys, ok := prefer(s.Keys, func(k Key) bool { return k.good(now) && !k.Retired })
	if !ok {
		return Key{}, false
	}
	keys, past := prefer(keys, func(k Key) bool { return k.tookOver(now) })
	if !past {
		return slices.MinFunc(keys, bySignsFrom), true
	}
	// Without this, a change back to an algorithm would use its last key, which is about to expire.
	keys, _ = prefer(keys, func(k Key) bool { return k.signs(r, now) })
	keys, _ = prefer(keys, func(k Key) bool { return k.Algorithm == r.Algorithm })
	return slices.MaxFunc(keys, bySignsFrom), true
}

// prefer returns the keys that fit, or all keys when none fits.
func prefer(keys []Key, fits func(Key) bool) ([]Key, bool) {
	fitting := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return !fits(k) })
	if len(fitting) == 0 {
		return keys, false
	}
	return fitting, true
}

// sorted returns keys in the order in which they take over.
func sorted(keys []Key) []Key {
	return slices.SortedFunc(slices.Values(keys), bySignsFrom)
}

func bySignsFrom(a, b Key) int {
	return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.ID, b.ID))
}

// Next returns the index of the algorithm's key that takes over next, or -1.
func (s Set) Next(r Rotation, now time.Time) int {
	current, _ := s.Signing(r, now)
	next := -1
	for i, key := range s.Keys {
		if key.Algorithm != r.Algorithm || key.Retired || key.tookOver(now) || key.ID == current.ID {
			continue
		}
		if next < 0 || bySignsFrom(key, s.Keys[next]) < 0 {
			next = i
		}
	}
	return next
}

// role returns what a key does now: current, next, previous or expired.
func (s Set) role(key Key, r Rotation, now time.Time) string {
	current, _ := s.Signing(r, now)
	switch {
	case key.ID == current.ID:
		return "current"
	case !key.good(now):
		return "expired"
	case !key.tookOver(now) && !key.Retired:
		return "next"
	}
	return "previous"
}

// Published returns the keys that still verify, the one that signs in front.
func (s Set) Published(r Rotation, now time.Time) []Key {
	signing, ok := s.Signing(r, now)
	if !ok {
		return nil
	}
	published := []Key{signing}
	for _, key := range s.Keys {
		if key.ID != signing.ID && key.good(now) {
			published = append(published, key)
		}
	}
	return published
}

// Check returns [ErrDamaged] if a key does not match its ID or algorithm. It parses every key.
func (s Set) Check() error {
	if len(s.Keys) == 0 {
		return nil
	}
	_, err := KeySet(s.Keys)
	return err
}

// KeySet parses keys; the first signs. It returns [ErrDamaged] if a key does not match its ID or algorithm.
func KeySet(stored []Key) (*token.KeySet, error) {
	keys := make([]*token.Key, len(stored))
	for i, s := range stored {
		key, err := token.ParseKey([]byte(s.PrivateKey), s.Algorithm)
		if err != nil || key.ID() != s.ID {
			return nil, fmt.Errorf("%w: the key %q does not match its ID or algorithm; restore it, or delete it to log all users out and start with new keys", ErrDamaged, s.ID)
		}
		keys[i] = key
	}
	return token.NewKeySet(keys[0], keys[1:]...)
}
