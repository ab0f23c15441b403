package caddymodule

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// rereadEvery is how often a replica reads the keys again, so that it sees what another one or an
// operator did. Several attempts may fail within keyLag.
const rereadEvery = time.Minute

// errKeysGone is returned when the keys of a running gateway are not in storage any more.
var errKeysGone = errors.New("the signing keys are gone from storage; restore them, or reload Caddy to log everybody out and begin anew")

// keyKeeper keeps in force what is in storage. It is for one goroutine at a time.
type keyKeeper struct {
	store keyStore
	// force puts a set in force.
	force func(*token.KeySet)
	// failed is told that keys could not be read or changed, changed that others than before are in
	// force, of which the one with that kid signs.
	failed  func()
	changed func(kid string)
	// known are the keys as they were last read, published those of them that are in force.
	known     storedKeys
	published []storedKey
	// poked has what is due done at once, for an operator who does not want to wait. Nil waits.
	poked chan struct{}
	// shown is known, for other goroutines. Nil until start.
	shown atomic.Pointer[storedKeys]
}

// start puts the keys in force for the first time.
func (k *keyKeeper) start(ctx context.Context) error {
	stored, err := k.store.load(ctx)
	if err != nil {
		return err
	}
	return k.adopt(stored)
}

// run does what is due, until ctx ends.
func (k *keyKeeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		k.refresh(ctx)
		select {
		case <-ctx.Done():
		case <-k.poked:
		case <-time.After(k.pause()):
		}
	}
}

// refresh reads the keys again, puts them in force and does what is due. Where storage fails,
// the last known keys go on, and take over from each other at their times.
func (k *keyKeeper) refresh(ctx context.Context) {
	err := k.reread(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	k.failed()
	k.store.log.Error("signing keys could not be read or changed; the last known go on",
		slog.String("gateway", k.store.gateway), slog.Any("error", err))
	_ = k.adopt(k.known) // they were adopted before
}

func (k *keyKeeper) reread(ctx context.Context) error {
	stored, err := k.store.read(ctx)
	if err != nil {
		return err
	}
	// What is there counts before anybody waits for the lock.
	if err := k.adopt(stored); err != nil {
		return err
	}
	if !k.store.rotation.due(stored, k.store.now()) {
		return nil
	}
	if stored, err = k.store.tend(ctx); err != nil {
		return err
	}
	return k.adopt(stored)
}

// adopt puts keys in force, if others than before are to be.
func (k *keyKeeper) adopt(stored storedKeys) error {
	err := k.publish(stored)
	if err == nil {
		k.known = stored
		k.shown.Store(&stored)
	}
	return err
}

func (k *keyKeeper) publish(stored storedKeys) error {
	if len(stored.Keys) == 0 {
		return errKeysGone
	}
	published := stored.published(k.store.rotation, k.store.now())
	if len(published) == 0 || slices.EqualFunc(published, k.published, sameKey) {
		return nil
	}
	set, err := keySet(published)
	if err != nil {
		return err
	}
	if len(k.published) > 0 && !sameKey(published[0], k.published[0]) {
		k.store.log.Info("another signing key took over",
			slog.String("gateway", k.store.gateway), slog.String("kid", published[0].ID))
	}
	first := len(k.published) == 0
	k.published = published
	k.force(set)
	if !first {
		k.changed(published[0].ID)
	}
	return nil
}

func sameKey(a, b storedKey) bool { return a.ID == b.ID && a.PrivateKey == b.PrivateKey }

// pause is how long nothing is to be done.
func (k *keyKeeper) pause() time.Duration {
	// Spread, so that replicas do not come at once.
	pause := rereadEvery - rand.N(rereadEvery/4)
	if due, ok := k.due(); ok {
		pause = min(pause, due)
	}
	return max(pause, time.Second)
}

// due is in how long the role of a known key changes.
func (k *keyKeeper) due() (in time.Duration, ok bool) {
	now := k.store.now()
	for _, key := range k.known.Keys {
		for _, t := range []time.Time{key.SignsFrom, key.VerifiesUntil} {
			if t.After(now) && (!ok || t.Sub(now) < in) {
				in, ok = t.Sub(now), true
			}
		}
	}
	return in, ok
}
