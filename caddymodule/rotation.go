package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Whatever one replica signs must be good at every other, and with everybody who fetched the
// JWKS while it was fresh. That rests on three times.
const (
	jwksMaxAge = gateway.JWKSMaxAge * time.Second

	// keyLag is the longest that a replica may not have read the keys; it tries five times as
	// often.
	keyLag = jwksMaxAge / 3

	// keyLead is how long a key is in storage before it signs. Of these 30 minutes one is the
	// clocks' difference, 5 pass until every replica publishes the key, and 15 until nobody has
	// an older JWKS; the rest is to spare.
	keyLead = 2 * jwksMaxAge

	// keyMargin is how much longer a key verifies than the last of its tokens lives: a replica
	// may learn late that another key took over, every token is good for the skew after its
	// end, and clocks differ by as much.
	keyMargin = keyLag + 2*token.Skew

	// maxPublished bounds the keys of a JWKS: the next is not made while there are as many. With
	// a current and a next one that leaves two previous ones.
	maxPublished = 4
)

// errNoStoredKeys is returned when an operator changes keys where there are none.
var errNoStoredKeys = errors.New("there are no keys in Caddy's storage yet")

// errNoSuchKey is returned when an operator drops a key that is not there.
var errNoSuchKey = errors.New("no key has the kid")

// rotation says when a gateway's keys change.
type rotation struct {
	algorithm token.Algorithm
	// every is how long a key signs.
	every time.Duration
	// longest is how long the longest token lives: an access token, or a browser's login.
	longest time.Duration
}

func (r rotation) longestSeconds() int64 {
	return int64((r.longest + time.Second - 1) / time.Second)
}

// noted is a key that may sign here, and knows of the tokens that live longest.
func (r rotation) noted(key storedKey) storedKey {
	key.LongestSeconds = max(key.LongestSeconds, r.longestSeconds())
	return key
}

// news reports whether longer tokens than ever are about to be signed, or the first ones. That
// must be in storage before: whichever replica gives a key its end must know.
func (r rotation) news(keys storedKeys, now time.Time) bool {
	current, ok := keys.signing(r, now)
	return !ok || slices.ContainsFunc(keys.Keys, func(key storedKey) bool {
		return (key.VerifiesUntil.IsZero() || key.ID == current.ID) && r.noted(key) != key
	})
}

// due reports whether there is something to change.
func (r rotation) due(keys storedKeys, now time.Time) bool {
	settled := r.settled(keys, now)
	_, wanted := r.wanted(settled, now)
	return wanted || !slices.Equal(settled.Keys, keys.Keys)
}

// wanted reports whether a key is to be made, and when it takes over.
func (r rotation) wanted(keys storedKeys, now time.Time) (signsFrom time.Time, ok bool) {
	current, ok := keys.signing(r, now)
	switch {
	case !ok:
		return wholeSecond(now), true
	case keys.next(r, now) >= 0:
		return time.Time{}, false
	case len(keys.Keys) >= maxPublished && current.Algorithm == r.algorithm:
		return time.Time{}, false
	}
	return r.takeover(current, now), true
}

// takeover is when a key that is made or found now takes over. A key is made as soon as the one
// before it signs: so a replica that loses storage goes on with the others for as long as a key
// signs, and an operator has a key at hand that verifiers know.
func (r rotation) takeover(current storedKey, now time.Time) time.Time {
	soonest := wholeSecond(now.Add(keyLead))
	due := current.SignsFrom.Add(r.every)
	if current.Algorithm == r.algorithm && due.After(soonest) {
		return due
	}
	return soonest
}

// settled are the keys as they are to be, before any is made.
func (r rotation) settled(keys storedKeys, now time.Time) storedKeys {
	current, _ := keys.signing(r, now)
	var settled storedKeys
	for _, key := range keys.Keys {
		if key.good(now) {
			settled.Keys = append(settled.Keys, r.settle(key, current, now))
		}
	}
	return settled
}

func (r rotation) settle(key, current storedKey, now time.Time) storedKey {
	signs, ended, mine := key.ID == current.ID, !key.VerifiesUntil.IsZero(), key.Algorithm == r.algorithm
	if signs || !ended {
		key = r.noted(key)
	}
	switch {
	case signs:
		if !key.tookOver(now) { // there is no other
			key.SignsFrom = wholeSecond(now)
		}
		// Replicas of another algorithm may have given it an end. That goes before it can matter.
		if key.VerifiesUntil.Before(now.Add(key.afterlife() + keyMargin)) {
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
func (r rotation) hastened(keys storedKeys, now time.Time) storedKeys {
	keys = storedKeys{slices.Clone(keys.Keys)}
	if i := keys.next(r, now); i >= 0 {
		next := &keys.Keys[i]
		known := next.CreatedAt.Add(keyLead)
		if known.Before(now) {
			known = wholeSecond(now)
		}
		if known.Before(next.SignsFrom) {
			next.SignsFrom = known
		}
	}
	return keys
}

// dropped is without the keys of these IDs. Where that takes the one that signs, the next one
// takes over at once.
func (r rotation) dropped(keys storedKeys, ids []string, now time.Time) (storedKeys, error) {
	if len(keys.Keys) == 0 {
		return keys, errNoStoredKeys
	}
	for _, id := range ids {
		if !slices.ContainsFunc(keys.Keys, func(k storedKey) bool { return k.ID == id }) {
			return keys, fmt.Errorf("%w %q; caddy itsme keys list shows them", errNoSuchKey, id)
		}
	}
	current, _ := keys.signing(r, now)
	kept := storedKeys{slices.DeleteFunc(slices.Clone(keys.Keys), func(k storedKey) bool { return slices.Contains(ids, k.ID) })}
	if slices.Contains(ids, current.ID) {
		if next := kept.next(r, now); next >= 0 {
			kept.Keys[next].SignsFrom = wholeSecond(now)
		}
	}
	return kept, nil
}
