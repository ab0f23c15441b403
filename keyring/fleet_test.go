//go:build !race

// These replicas take turns in one goroutine. The race detector would find nothing in them, and takes six times
// as long. The Makefile runs this package once more without it.

package keyring

import (
	"context"
	"io/fs"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestNoTokenIsRefusedWhileKeysRotate lives through a year of replicas whose clocks differ, whose
// storage fails at times, and whose operators rotate keys and change lifetimes.
func TestNoTokenIsRefusedWhileKeysRotate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(t, token.ES256)
		f.live(365 * day)
		if f.most > maxPublished {
			t.Errorf("%d keys were published at once", f.most)
		}
	})
}

// TestNoTokenIsRefusedWhileTheAlgorithmChanges has replicas of different algorithms, too, as
// there are while a change rolls out.
func TestNoTokenIsRefusedWhileTheAlgorithmChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { newFleet(t, token.ES256, token.EdDSA).live(90 * day) })
}

// fleet is what happens, at a true time that no clock in it shows.
type fleet struct {
	t          *rapid.T
	algorithms []token.Algorithm
	now        time.Time
	// store is what the replicas share, and folders whether each has a storage of its own beside it.
	store     keyringtest.Memory
	folders   bool
	replicas  []*member
	tokens    []fleetToken
	documents []document // that no replica serves any more
	// signed is when each key last signed at any replica.
	signed map[string]time.Time
	// patience is how long after that a key may be published.
	patience time.Duration
	most     int // keys in one document
}

// member is one gateway with a clock of its own.
type member struct {
	keeper    *Manager
	inForce   token.Keys
	storage   keyringtest.Memory // of its own
	ahead     time.Duration
	authority *token.Authority
	readAt    time.Time
	actsAt    time.Time
	document  document
	verified  map[string]bool // tokens, with the keys of this document
}

// document is a JWKS, and until when it may be in use after it was served for the last time.
type document struct {
	ids   map[string]bool
	until time.Time
}

// fleetToken is a token, the first of its key a real one.
type fleetToken struct {
	raw, kid string
	expires  time.Time
}

const (
	longestEver = 24 * time.Hour // of a token in a fleet
	// A replica reads successfully at least once in keyLag.
	attempt = keyLag / 2
)

func newFleet(t *rapid.T, algorithms ...token.Algorithm) *fleet {
	f := &fleet{
		t: t, algorithms: algorithms, folders: rapid.Bool().Draw(t, "keys in the store"), now: now, signed: make(map[string]time.Time),
		patience: longestEver + Margin + 3*keyLag,
	}
	if len(algorithms) > 1 {
		f.patience += longestEver + Margin
	}
	for range rapid.IntRange(2, 3).Draw(t, "replicas") {
		r := &member{ahead: f.draw(0, token.Skew, "clock ahead")}
		f.replicas = append(f.replicas, r)
		f.load(r)
	}
	return f
}

func (f *fleet) draw(least, most time.Duration, label string) time.Duration {
	seconds := rapid.Int64Range(int64(least/time.Second), int64(most/time.Second))
	return time.Duration(seconds.Draw(f.t, label)) * time.Second
}

// load starts a replica, or reloads it with another configuration.
func (f *fleet) load(r *member) {
	clock := func() time.Time { return f.now.Add(r.ahead) }
	longest := rapid.SampledFrom([]time.Duration{time.Hour, 8 * time.Hour, longestEver}).Draw(f.t, "longest")
	keys := keysIn(&f.store)
	if f.folders {
		keys = replicaOf(&f.store, &r.storage)
	}
	if r.keeper != nil && rapid.Bool().Draw(f.t, "same process") {
		keys.Memory = r.keeper.Keyring.Memory
	}
	keys.Now = clock
	keys.Rotation = Rotation{
		Algorithm: rapid.SampledFrom(f.algorithms).Draw(f.t, "algorithm"),
		Every:     f.draw(30*day, 90*day, "rotate"),
		Longest:   longest,
	}
	r.keeper = &Manager{Keyring: keys, Force: func(set *token.KeySet) { f.force(r, set) }, Failed: func() {}, Changed: func(string) {}}
	var err error
	if r.authority, err = token.NewAuthority(token.Config{
		Issuer: "https://app.example.be", Audience: []string{"https://api.example.be"}, ClientID: "app.example.be",
		SessionAudience: "https://app.example.be/itsme", Lifetime: 15 * time.Minute, SessionLifetime: longest, Now: clock,
	}, &r.inForce); err != nil {
		f.t.Fatal(err)
	}
	if err := r.keeper.Start(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	f.act(r)
}

// force replaces what a replica publishes.
func (f *fleet) force(r *member, set *token.KeySet) {
	if r.document.ids != nil {
		r.document.until = f.now.Add(jwksMaxAge)
		f.documents = append(f.documents, r.document)
	}
	r.document, r.verified = document{ids: publishedIDs(f.t, set)}, make(map[string]bool)
	f.most = max(f.most, len(r.document.ids))
	r.inForce.Set(set)
}

// act is what a replica does when it wakes.
func (f *fleet) act(r *member) {
	f.issue(r) // the last moment before
	if f.now.Sub(r.readAt) < attempt && rapid.Bool().Draw(f.t, "storage is unavailable") {
		f.store.Fail(fs.ErrPermission, fs.ErrPermission)
	} else {
		r.readAt = f.now
	}
	r.keeper.refreshOnce(context.Background())
	f.store.Fail(nil, nil)
	f.issue(r)
	pause := rapid.SampledFrom([]time.Duration{time.Second, interval, 2 * interval, attempt}).Draw(f.t, "pause")
	if due, ok := r.keeper.due(); ok {
		pause = min(pause, due)
	}
	r.actsAt = f.now.Add(pause)
}

// issue signs, mostly on paper only. Of one key the token that lives longest matters.
func (f *fleet) issue(r *member) {
	kid := r.inForce.KeySet().Current().ID()
	issued := fleetToken{kid: kid, expires: f.now.Add(r.ahead + r.keeper.Keyring.Rotation.Longest)}
	if f.signed[kid].IsZero() {
		raw, claims, err := r.authority.IssueSession(token.Claims{Subject: "pseudonym=", ACR: "high", AuthTime: f.now})
		if err != nil {
			f.t.Fatal(err)
		}
		issued.raw, issued.expires = raw, claims.ExpiresAt
	}
	f.signed[kid] = f.now
	f.tokens = slices.DeleteFunc(f.tokens, func(before fleetToken) bool {
		return before.kid == kid && before.raw == "" && !before.expires.After(issued.expires)
	})
	f.tokens = append(f.tokens, issued)
}

// live goes from one thing that happens to the next.
func (f *fleet) live(long time.Duration) {
	for end := f.now.Add(long); f.now.Before(end); {
		r := slices.MinFunc(f.replicas, func(a, b *member) int { return a.actsAt.Compare(b.actsAt) })
		f.now = r.actsAt
		f.check()
		f.act(r)
		f.check()
		if f.quiet() && f.leap() {
			f.meddle()
		}
	}
}

// quiet reports whether every replica knows the same keys, which the last writer has stored,
// and nothing is due.
func (f *fleet) quiet() bool {
	return !slices.ContainsFunc(f.replicas, func(r *member) bool {
		k, now := r.keeper, r.keeper.Keyring.Now()
		known := k.Shown().Set()
		return !slices.Equal(known.Keys, f.replicas[0].keeper.Shown().Set().Keys) || k.Keyring.Rotation.due(known, now) ||
			!slices.EqualFunc(known.Published(k.Keyring.Rotation, now), k.published, sameKey)
	})
}

// leap goes on to some time before the next change, if that is not near: until then a replica that
// reads again changes nothing.
func (f *fleet) leap() bool {
	leap := f.nextChange().Sub(f.now) - f.draw(keyLag, 3*keyLag, "before the next change")
	if leap <= 0 {
		return false
	}
	if rapid.IntRange(0, 3).Draw(f.t, "half way") == 0 {
		leap /= 2
	}
	f.now = f.now.Add(leap)
	for _, r := range f.replicas {
		f.issue(r) // as all the time until now
		r.actsAt = f.now.Add(f.draw(0, attempt, "after the leap"))
		r.readAt = r.actsAt.Add(-attempt)
	}
	f.check()
	return true
}

// nextChange is when the first replica has something to do.
func (f *fleet) nextChange() time.Time {
	soonest := f.now.Add(365 * day)
	for _, r := range f.replicas {
		for _, key := range r.keeper.Shown().Set().Keys {
			known := r.keeper.Keyring.Rotation.noted(key)
			for _, change := range []time.Time{
				key.SignsFrom, key.VerifiesUntil,
				key.VerifiesUntil.Add(-known.afterlife() - Margin), // when one that signs loses its end
			} {
				if change = change.Add(-r.ahead); !change.Before(f.now) && change.Before(soonest) {
					soonest = change
				}
			}
		}
	}
	return soonest
}

// meddle is what operators do at any time.
func (f *fleet) meddle() {
	r := f.replicas[rapid.IntRange(0, len(f.replicas)-1).Draw(f.t, "replica")]
	switch rapid.IntRange(0, 5).Draw(f.t, "operator") {
	case 0:
		f.load(r)
	case 1: // on the machine of that replica; refused when it happens too often
		_, _ = r.keeper.Keyring.Rotate(context.Background())
		r.readAt = time.Time{}
		f.act(r)
	}
}

// check verifies every token that is valid by any replica's clock: at every replica, and against
// every document that may be in use.
func (f *fleet) check() {
	f.documents = slices.DeleteFunc(f.documents, func(d document) bool { return d.until.Before(f.now) })
	f.tokens = slices.DeleteFunc(f.tokens, func(issued fleetToken) bool { return !f.now.Before(issued.expires.Add(token.Skew)) })
	for _, issued := range f.tokens {
		for _, d := range f.documents {
			if !d.ids[issued.kid] {
				f.t.Fatal("a JWKS that is still in use has not the key of a good token")
			}
		}
		for i, r := range f.replicas {
			f.verify(i, r, issued)
		}
	}
	for _, r := range f.replicas {
		for kid := range r.document.ids {
			if at, ok := f.signed[kid]; ok && f.now.Sub(at) > f.patience {
				f.t.Fatalf("a key that has not signed for %v is still published", f.now.Sub(at))
			}
		}
	}
}

func (f *fleet) verify(i int, r *member, issued fleetToken) {
	if !f.now.Add(r.ahead).Before(issued.expires.Add(token.Skew)) {
		return
	}
	if !r.document.ids[issued.kid] {
		f.t.Fatalf("replica %d does not know the key of a good token", i)
	}
	if issued.raw == "" || r.verified[issued.raw] {
		return
	}
	if _, err := r.authority.VerifySession(issued.raw); err != nil {
		f.t.Fatalf("replica %d refuses a good token: %v", i, err)
	}
	r.verified[issued.raw] = true
}
