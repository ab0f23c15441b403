package keyring

import (
	"errors"
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// Every replica verifies what one of them signs, and so does every service that fetched the JWKS
// while it was fresh. That rests on these times.
const (
	// jwksMaxAge is how long a service that verifies tokens may keep the JWKS.
	jwksMaxAge = token.JWKSMaxAge * time.Second

	// keyLag is the longest that a replica may not have read the keys; it tries five times as
	// often.
	keyLag = jwksMaxAge / 3

	// Lead is how long a key is in storage before it signs. Of these 30 minutes one is the
	// clocks' difference, 5 pass until every replica publishes the key, and 15 until no service
	// has an older JWKS; the rest is to spare.
	Lead = 2 * jwksMaxAge

	// Margin is how much longer a key verifies than the last of its tokens lives: a replica
	// may learn late that another key took over, every token is good for the skew after its
	// end, and clocks differ by as much.
	Margin = keyLag + 2*token.Skew

	// maxPublished bounds the keys of a JWKS: the next is not made while there are as many. With
	// a current and a next one that leaves two previous ones.
	maxPublished = 4

	// foreignLife is how long a key of another owner stays in a document. By then it has signed for
	// as long as a key may, a year, and its last token has expired.
	foreignLife = 400 * 24 * time.Hour
)

var (
	// ErrNoKeys is returned when an operator changes keys where there are none.
	ErrNoKeys = errors.New("there are no signing keys yet")
	// ErrNoSuchKey is returned when an operator drops a key that is not there.
	ErrNoSuchKey = errors.New("no key has the kid")
	// ErrRotatedOften is returned when an operator rotates keys and maxPublished are published.
	ErrRotatedOften = errors.New("keys were rotated so often that several previous ones are still needed; wait until the first of them has expired, or drop one")
)

// Rotation says when a gateway's keys change.
type Rotation struct {
	// Algorithm is that of the keys which are made.
	Algorithm token.Algorithm
	// Every is how long a key signs.
	Every time.Duration
	// Longest is how long the longest token lives: an access token, or a browser's login.
	Longest time.Duration
}

func (r Rotation) longestSeconds() int64 {
	return int64((r.Longest + time.Second - 1) / time.Second)
}

// noted is a key that may sign here, and knows of the tokens that live longest.
func (r Rotation) noted(key Key) Key {
	key.LongestSeconds = max(key.LongestSeconds, r.longestSeconds())
	return key
}

// news reports whether longer tokens than ever are about to be signed, or the first ones. That
// must be in storage before: whichever replica gives a key its end must know.
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

// wanted reports whether a key is to be made, and when it takes over.
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

// takeover is when a key that is made or found now takes over. A key is made as soon as the one
// before it signs: so a replica that loses storage goes on with the others for as long as a key
// signs, and an operator has a key at hand that verifiers know.
func (r Rotation) takeover(current Key, now time.Time) time.Time {
	soonest := wholeSecond(now.Add(Lead))
	due := current.SignsFrom.Add(r.Every)
	if current.Algorithm == r.Algorithm && due.After(soonest) {
		return due
	}
	return soonest
}

// settled are the keys as they are to be, before any is made.
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
		if !key.tookOver(now) { // there is no other
			key.SignsFrom = wholeSecond(now)
		}
		// Replicas of another algorithm may have given it an end. That goes before it can matter.
		if key.VerifiesUntil.Before(now.Add(key.afterlife() + Margin)) {
			key.VerifiesUntil = time.Time{}
		}
	case ended:
	case !key.tookOver(now):
		// An earlier time is safe, as it is no earlier than a new key's. The next key of another
		// algorithm is left to the replicas that have it, or to its time.
		if soonest := r.takeover(current, now); mine && soonest.Before(key.SignsFrom) {
			key.SignsFrom = soonest
		}
	case mine:
		key.VerifiesUntil = wholeSecond(now.Add(key.afterlife()))
	default:
		// Twice as long, so that replicas of both algorithms, which there are while a change of
		// it rolls out, do not undo each other's work all the time.
		key.VerifiesUntil = wholeSecond(now.Add(2 * key.afterlife()))
	}
	return key
}

// hastened lets the next key take over as soon as verifiers know it.
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

// without returns the keys but those of these IDs. Where that takes the one that signs, the next one
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

// tended returns the keys as they are to be: with the next one made, an end for each previous one,
// and without those of which every token has expired.
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

// rotated returns the keys of which the next one takes over as soon as verifiers know it.
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
