package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestNoTokenIsRefusedWhileKeysRotate lives through a year of replicas whose clocks differ, whose
// storage fails at times, and whose operators rotate keys and change lifetimes.
func TestNoTokenIsRefusedWhileKeysRotate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(t, []token.Algorithm{token.ES256})
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
	rapid.Check(t, func(t *rapid.T) {
		newFleet(t, []token.Algorithm{token.ES256, token.EdDSA}).live(365 * day)
	})
}

// fleet is what happens, at a true time that no clock in it shows.
type fleet struct {
	t          *rapid.T
	algorithms []token.Algorithm
	now        time.Time
	storage    *memoryStorage
	replicas   []*replica
	tokens     []fleetToken
	documents  []document
	// signed is when each key last signed at any replica.
	signed map[string]time.Time
	// patience is how long after that a key may be published.
	patience time.Duration
	acts     int
	most     int // keys in one document
}

// replica is one gateway with a clock of its own.
type replica struct {
	keeper    keyKeeper
	ring      token.Ring
	storage   *flakyStorage
	ahead     time.Duration
	authority *token.Authority
	readAt    time.Time
	actsAt    time.Time
	document  document
	verified  map[string]bool // tokens, with the keys of this document
}

// document is a JWKS, and how long it may be in use: for as long as it may be cached after it
// was served for the last time.
type document struct {
	ids   map[string]bool
	until time.Time
}

type fleetToken struct {
	raw     string
	kid     string
	session bool
	expires time.Time // by the clock of whoever looks
}

// longestEver is the longest lifetime of a token in a fleet.
const longestEver = 24 * time.Hour

func newFleet(t *rapid.T, algorithms []token.Algorithm) *fleet {
	f := &fleet{
		t: t, algorithms: algorithms, now: now, storage: new(memoryStorage), signed: make(map[string]time.Time),
		patience: longestEver + keyMargin + 3*keyLag,
	}
	if len(algorithms) > 1 {
		f.patience += longestEver + keyMargin
	}
	for range rapid.IntRange(2, 4).Draw(t, "replicas") {
		r := &replica{storage: &flakyStorage{Storage: f.storage}, ahead: anyTime(t, 0, token.Skew, "clock ahead")}
		f.replicas = append(f.replicas, r)
		f.load(r)
	}
	return f
}

func anyTime(t *rapid.T, least, most time.Duration, label string) time.Duration {
	return time.Duration(rapid.Int64Range(int64(least/time.Second), int64(most/time.Second)).Draw(t, label)) * time.Second
}

// load starts a replica, or reloads it with another configuration.
func (f *fleet) load(r *replica) {
	clock := func() time.Time { return f.now.Add(r.ahead) }
	longest := rapid.SampledFrom([]time.Duration{time.Hour, 8 * time.Hour, longestEver}).Draw(f.t, "longest")
	r.keeper = keyKeeper{
		store: keyStore{
			storage: r.storage, gateway: "default", now: clock, log: slog.New(slog.DiscardHandler),
			rotation: rotation{
				algorithm: rapid.SampledFrom(f.algorithms).Draw(f.t, "algorithm"),
				every:     anyTime(f.t, 30*day, 90*day, "rotate"),
				longest:   longest,
			},
		},
		force: func(set *token.KeySet) { f.force(r, set) },
	}
	var err error
	if r.authority, err = token.NewAuthority(token.Config{
		Issuer: "https://app.example.be", Audience: []string{"https://api.example.be"}, ClientID: "app.example.be",
		SessionAudience: "https://app.example.be/itsme", Lifetime: 15 * time.Minute, SessionLifetime: longest, Now: clock,
	}, &r.ring); err != nil {
		f.t.Fatal(err)
	}
	r.storage.away = false
	if err := r.keeper.start(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	f.act(r)
}

// force replaces what a replica publishes.
func (f *fleet) force(r *replica, set *token.KeySet) {
	if r.document.ids != nil {
		r.document.until = f.now.Add(jwksMaxAge)
		f.documents = append(f.documents, r.document)
	}
	var jwks struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set.JWKS(), &jwks); err != nil {
		f.t.Fatal(err)
	}
	r.document, r.verified = document{ids: make(map[string]bool)}, make(map[string]bool)
	for _, key := range jwks.Keys {
		r.document.ids[key.ID] = true
	}
	f.most = max(f.most, len(jwks.Keys))
	r.ring.Set(set)
}

var pauses = []time.Duration{time.Second, rereadEvery * 3 / 4, rereadEvery, 2 * rereadEvery, keyLag / 2}

// act is what a replica does when it wakes.
func (f *fleet) act(r *replica) {
	f.issue(r) // the last moment before
	// It reads successfully at least once in keyLag.
	r.storage.away = f.now.Sub(r.readAt) < keyLag/2 && rapid.Bool().Draw(f.t, "storage is away")
	r.keeper.refresh(context.Background())
	if !r.storage.away {
		r.readAt = f.now
	}
	f.issue(r)
	r.actsAt = f.now.Add(rapid.SampledFrom(pauses).Draw(f.t, "pause"))
	if due, ok := r.keeper.due(); ok && f.now.Add(due).Before(r.actsAt) {
		r.actsAt = f.now.Add(due)
	}
}

// issue signs, mostly on paper only.
func (f *fleet) issue(r *replica) {
	set := r.ring.KeySet()
	if set == nil {
		return
	}
	kid := set.Current().ID()
	issued := fleetToken{kid: kid, expires: f.now.Add(r.ahead + r.keeper.store.rotation.longest)}
	if f.signed[kid].IsZero() {
		raw, claims, err := r.authority.IssueSession(token.Claims{Subject: "pseudonym=", ACR: "high", AuthTime: f.now})
		if err != nil {
			f.t.Fatal(err)
		}
		issued.raw, issued.expires = raw, claims.ExpiresAt
	}
	f.signed[kid] = f.now
	// Of one key only the token that lives longest matters, and one that is real.
	f.tokens = slices.DeleteFunc(f.tokens, func(before fleetToken) bool {
		return before.kid == kid && before.raw == "" && !before.expires.After(issued.expires)
	})
	f.tokens = append(f.tokens, issued)
}

// live goes from one thing that happens to the next.
func (f *fleet) live(long time.Duration) {
	for end := f.now.Add(long); f.now.Before(end); {
		r := slices.MinFunc(f.replicas, func(a, b *replica) int { return a.actsAt.Compare(b.actsAt) })
		f.now = r.actsAt
		f.check()
		f.act(r)
		f.check()
		if f.quiet() && f.leap() {
			f.meddle()
		}
	}
}

// quiet reports whether every replica knows what is in storage, and nothing is due.
func (f *fleet) quiet() bool {
	return !slices.ContainsFunc(f.replicas, func(r *replica) bool {
		k := &r.keeper
		now := k.store.now()
		return !slices.Equal(k.known.Keys, f.storage.keys) || k.store.rotation.due(k.known, now) ||
			!slices.EqualFunc(k.known.published(k.store.rotation, now), k.published, sameKey)
	})
}

// leap goes on to some time before the next change, if that is not near: until then a replica that
// reads again changes nothing.
func (f *fleet) leap() bool {
	soonest := f.now.Add(365 * day)
	for _, r := range f.replicas {
		rotation := r.keeper.store.rotation
		for _, key := range r.keeper.known.Keys {
			for _, change := range []time.Time{
				key.SignsFrom, key.VerifiesUntil,
				key.VerifiesUntil.Add(-max(key.longest(), rotation.longest) - 2*keyMargin), // when a key that signs loses its end
			} {
				if change = change.Add(-r.ahead); !change.Before(f.now) && change.Before(soonest) {
					soonest = change
				}
			}
		}
	}
	to := soonest.Add(-anyTime(f.t, keyLag, 3*keyLag, "before the next change"))
	if !to.After(f.now) {
		return false
	}
	if rapid.IntRange(0, 3).Draw(f.t, "half way") == 0 {
		to = f.now.Add(to.Sub(f.now) / 2)
	}
	f.now = to
	for _, r := range f.replicas {
		f.issue(r) // as all the time until now
		r.actsAt = f.now.Add(anyTime(f.t, 0, keyLag/2, "after the leap"))
		r.readAt = r.actsAt.Add(-keyLag / 2)
	}
	f.check()
	return true
}

// meddle is what operators do at any time.
func (f *fleet) meddle() {
	r := f.replicas[rapid.IntRange(0, len(f.replicas)-1).Draw(f.t, "replica")]
	switch rapid.IntRange(0, 5).Draw(f.t, "operator") {
	case 0:
		f.load(r)
	case 1: // on the machine of that replica; refused when it happens too often
		r.storage.away = false
		_, _ = r.keeper.store.update(context.Background(), r.keeper.store.rotated)
	}
}

// check verifies every token that is good by somebody's clock: at every replica, and against
// every document that may be in use.
func (f *fleet) check() {
	f.documents = slices.DeleteFunc(f.documents, func(d document) bool { return d.until.Before(f.now) })
	f.tokens = slices.DeleteFunc(f.tokens, func(issued fleetToken) bool { return !f.now.Before(issued.expires.Add(token.Skew)) })
	for _, issued := range f.tokens {
		for _, d := range f.documents {
			if !d.ids[issued.kid] {
				f.t.Fatalf("a JWKS that is still in use has not the key of a good token DEBUG now %v until %v kid %s signed %v exp %v doc %v stored %s", f.now, d.until, issued.kid, f.signed[issued.kid], issued.expires, d.ids, f.storage.data)
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

func (f *fleet) verify(i int, r *replica, issued fleetToken) {
	if !f.now.Add(r.ahead).Before(issued.expires.Add(token.Skew)) {
		return
	}
	if !r.document.ids[issued.kid] {
		f.t.Fatalf("replica %d does not know the key of a good token: DEBUG now %v exp %v kid %s signed %v known %+v", i, f.now.Add(r.ahead), issued.expires, issued.kid, f.signed[issued.kid], r.keeper.known.debug())
	}
	if issued.raw == "" || r.verified[issued.raw] {
		return
	}
	if _, err := r.authority.VerifySession(issued.raw); err != nil {
		f.t.Fatalf("replica %d refuses a good token: %v", i, err)
	}
	r.verified[issued.raw] = true
}

// memoryStorage is storage with one document, for one user at a time.
type memoryStorage struct {
	certmagic.Storage
	data []byte
	keys []storedKey
}

func (s *memoryStorage) Load(context.Context, string) ([]byte, error) {
	if s.data == nil {
		return nil, fs.ErrNotExist
	}
	return s.data, nil
}

func (s *memoryStorage) Store(_ context.Context, _ string, data []byte) error {
	var stored storedKeys
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	s.data, s.keys = data, stored.Keys
	return nil
}

func (s *memoryStorage) Lock(context.Context, string) error   { return nil }
func (s *memoryStorage) Unlock(context.Context, string) error { return nil }

// flakyStorage is away at times.
type flakyStorage struct {
	certmagic.Storage
	away bool
}

func (s *flakyStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if s.away {
		return nil, fs.ErrPermission
	}
	return s.Storage.Load(ctx, key)
}

func (s storedKeys) debug() (out string) {
	for _, k := range s.Keys {
		out += fmt.Sprintf("\n%s %s from %v until %v longest %d", k.ID[:5], k.Algorithm, k.SignsFrom, k.VerifiesUntil, k.LongestSeconds)
	}
	return out
}
