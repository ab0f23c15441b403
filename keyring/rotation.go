package keyring

import (
	"errors"
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// These times guarantee that every replica, and every service with a fresh JWKS, can verify the tokens of
// every replica.
const (
	// jwksMaxAge is the time for which a service that verifies tokens may keep the JWKS.
	jwksMaxAge = token.JWKSMaxAge * time.Second

	// keyLag bounds the age of the keys that a replica has read. It reads five times as often.
	keyLag = jwksMaxAge / 3

	// Lead is the time for which a key is in storage before it signs: 1 minute for the difference of
	// clocks, 5 until every replica publishes the key, 15 until no service has an older JWKS, and the
	// rest of 30 in reserve.
	Lead = 2 * jwksMaxAge

	// Margin is the time for which a key verifies after the end of its last token: a replica may learn
	// late that another key took over, a token is valid for the skew after its end, and clocks differ
	// by as much.
	Margin = keyLag + 2*token.Skew

	// maxPublished bounds the keys of a JWKS: no next key is made while there are as many. Beside a
	// current and a next one there are two previous ones.
	maxPublished = 4

	// foreignLife is the time for which a key of another owner stays in a document. A key signs for at
	// most a year, so that its last token has expired then.
	foreignLife = 400 * 24 * time.Hour
)

var (
	// ErrNoKeys is returned when an operator changes keys and there are none.
	ErrNoKeys = errors.New("there are no signing keys yet")
	// ErrNoSuchKey is returned when an operator drops an unknown key.
	ErrNoSuchKey = errors.New("no key has the kid")
	// ErrRotatedOften is returned when an operator rotates keys and maxPublished are published.
	ErrRotatedOften = errors.New("too many previous keys are still needed; wait until the first of them has expired, or drop one")
)

// Rotation configures when a gateway's keys change.
type Rotation struct {
	// Algorithm is the algorithm of new keys.
	Algorithm token.Algorithm
	// Every is the time for which a key signs.
	Every time.Duration
	// Longest is the longest lifetime of a token: of an access token, or of a browser's login.
	Longest time.Duration
}

func (r Rotation) longestSeconds() int64 {
	return int64((r.Longest + time.Second - 1) / time.Second)
}

// noted returns the key with the longest lifetime of the tokens that it may sign here.
func (r Rotation) noted(key Key) Key {
	key.LongestSeconds = max(key.LongestSeconds, r.longestSeconds())
	return key
}

// news reports whether the first tokens, or longer ones than before, are about to be signed. Storage must
// have that before: the replica that sets the end of a key uses it.
func (r Rotation) news(keys Set, now time.Time) bool {
	current, ok := keys.Signing(r, now)
	return !ok || slices.ContainsFunc(keys.Keys, func(key Key) bool {
		return (key.VerifiesUntil.IsZero() || key.ID == current.ID) && !key.Retired && r.noted(key) != key
	})
}

// due reports whether there is something to change.
func (r Rotation) due(keys Set, now time.Time) bool {
	settled := r.settled(keys, now)
	_, wanted := r.wanted(settled, now)
	return wanted || keys.untidy || !settled.same(keys)
}

// wanted reports whether a key must be made, and when it takes over.
func (r Rotation) wanted(keys Set, now time.Time) (signsFrom time.Time, ok bool) {
	current, ok := keys.Signing(r, now)
	switch {
	case !ok:
		return wholeSecond(now), true
	case keys.Next(r, now) >= 0:
		return time.Time{}, false
	case keys.rotating() >= maxPublished && current.Algorithm == r.Algorithm:
		return time.Time{}, false
	}
	return r.takeover(current, now), true
}

// takeover returns when a key that is made or found now takes over. A key is made as soon as the one
// before it signs: a replica that loses its storage then still agrees with the others for the time that
// a key signs, and an operator has a key that verifiers know.
func (r Rotation) takeover(current Key, now time.Time) time.Time {
	soonest := wholeSecond(now.Add(Lead))
	due := current.SignsFrom.Add(r.Every)
	if current.Algorithm == r.Algorithm && due.After(soonest) {
		return due
	}
	return soonest
}

// settled returns the keys with their new times, before any key is made.
func (r Rotation) settled(keys Set, now time.Time) Set {
	current, _ := keys.Signing(r, now)
	settled := keys.with(nil)
	for _, key := range keys.Keys {
		switch {
		case !key.good(now):
		case key.Retired:
			settled.Keys = append(settled.Keys, key)
		default:
			settled.Keys = append(settled.Keys, r.settle(key, current, now))
		}
	}
	settled.Dropped = nil
	settled.Foreign = slices.DeleteFunc(slices.Clone(keys.Foreign), func(k Key) bool {
		return now.After(k.CreatedAt.Add(foreignLife))
	})
	return settled
}

func (r Rotation) settle(key, current Key, now time.Time) Key {
	signs, ended, mine := key.ID == current.ID, !key.VerifiesUntil.IsZero(), key.Algorithm == r.Algorithm
	if signs || !ended {
		key = r.noted(key)
	}
	switch {
	case signs:
		if !key.tookOver(now) { // it signs because no other key can
			key.SignsFrom = wholeSecond(now)
		}
		// Replicas with another algorithm may have set its end. Clear it in time.
		if key.VerifiesUntil.Before(now.Add(key.afterlife() + Margin)) {
			key.VerifiesUntil = time.Time{}
		}
	case ended:
	case !key.tookOver(now):
		// An earlier time is safe: a new key would not sign sooner. The times of the next key of another
		// algorithm belong to the replicas with that algorithm.
		if soonest := r.takeover(current, now); mine && soonest.Before(key.SignsFrom) {
			key.SignsFrom = soonest
		}
	case mine:
		key.VerifiesUntil = wholeSecond(now.Add(key.afterlife()))
	default:
		// Twice as long, so that replicas of both algorithms do not undo each other's changes during a
		// roll-out.
		key.VerifiesUntil = wholeSecond(now.Add(2 * key.afterlife()))
	}
	return key
}

// hastened returns the keys with the next one taking over as soon as verifiers know it.
func (r Rotation) hastened(keys Set, now time.Time) Set {
	keys = keys.with(slices.Clone(keys.Keys))
	if i := keys.Next(r, now); i >= 0 {
		next := &keys.Keys[i]
		known := next.CreatedAt.Add(Lead)
		if known.Before(now) {
			known = wholeSecond(now)
		}
		if known.Before(next.SignsFrom) {
			next.SignsFrom = known
		}
	}
	return keys
}

// without returns the keys except those of these IDs. When the key that signs is among them, the next one
// takes over at once.
func (r Rotation) without(keys Set, ids []string, now time.Time) Set {
	current, _ := keys.Signing(r, now)
	kept := keys.with(slices.DeleteFunc(slices.Clone(keys.Keys), func(k Key) bool { return slices.Contains(ids, k.ID) }))
	if slices.Contains(ids, current.ID) {
		if next := kept.Next(r, now); next >= 0 {
			kept.Keys[next].SignsFrom = wholeSecond(now)
		}
	}
	return kept
}

// tended returns the keys with the next one made, an end for each previous one, and without those whose
// tokens have all expired.
func (r Rotation) tended(keys Set, owner Owner, now time.Time) (Set, error) {
	keys = r.settled(keys, now)
	for {
		signsFrom, wanted := r.wanted(keys, now)
		if !wanted {
			return keys.named(), nil
		}
		made, err := newKey(r.Algorithm, now)
		if err != nil {
			return keys, err
		}
		made.SignsFrom, made.LongestSeconds, made.Owner = signsFrom, r.longestSeconds(), owner
		keys.Keys = append(keys.Keys, made)
	}
}

// rotated is tended, with the next key taking over as soon as verifiers know it.
func (r Rotation) rotated(keys Set, owner Owner, now time.Time) (Set, error) {
	if len(keys.Keys) == 0 {
		return keys, ErrNoKeys
	}
	keys, err := r.tended(keys, owner, now)
	switch {
	case err != nil:
		return keys, err
	case keys.rotating() >= maxPublished:
		return keys, ErrRotatedOften
	}
	return r.tended(r.hastened(keys, now), owner, now)
}
