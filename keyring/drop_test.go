package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
)

// backup is a copy of all documents of a storage.
type backup map[string][]byte

func backUp(storage *keyringtest.Memory) backup {
	b := make(backup)
	for _, document := range []string{KeysDocument, DroppedDocument, KnownDocument} {
		b[document] = storage.Get(document)
	}
	return b
}

func (b backup) restore(storage *keyringtest.Memory, documents ...string) {
	for _, document := range documents {
		storage.Put(document, b[document])
	}
}

// TestDroppedKeyNeverComesBack drops the key that signs, and has an operator, or an attacker who has a copy of
// the key, bring back the document that has it. One place still remembers the drop, a different one in
// each row. With the key the attacker could log in as any user.
func TestDroppedKeyNeverComesBack(t *testing.T) {
	t.Parallel()
	all := []string{KeysDocument, DroppedDocument, KnownDocument}
	for _, row := range []struct {
		name string
		// shared has a store.
		shared, restarts bool
		bringBack        func(store, storage *keyringtest.Memory, oldStore, oldStorage backup)
	}{
		{"the process remembers", false, false, func(_, storage *keyringtest.Memory, _, old backup) { old.restore(storage, all...) }},
		{"the second file remembers", false, true, func(_, storage *keyringtest.Memory, _, old backup) { old.restore(storage, KeysDocument) }},
		{"the process remembers, and no place", true, false, func(store, storage *keyringtest.Memory, oldStore, old backup) {
			oldStore.restore(store, all...)
			old.restore(storage, all...)
		}},
		{"the store remembers", true, true, func(store, storage *keyringtest.Memory, oldStore, old backup) {
			oldStore.restore(store, KeysDocument, KnownDocument)
			old.restore(storage, all...)
		}},
		{"the second file remembers, and the store came back empty", true, true, func(store, storage *keyringtest.Memory, _, old backup) {
			store.Clear()
			old.restore(storage, KeysDocument)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, storage := new(keyringtest.Memory), new(keyringtest.Memory)
				open := func() *Keyring {
					if row.shared {
						return replicaOf(store, storage)
					}
					return keysIn(storage)
				}
				r := run(t, open())
				pass(interval)
				leaked := r.signing()
				oldStore, oldStorage := backUp(store), backUp(storage)
				if _, err := r.manager.Drop(t.Context(), []string{leaked}); err != nil {
					t.Fatal(err)
				}
				if r.verifies(leaked) || r.signing() == "" {
					t.Error("the replica that drops the key goes on with it, or without any")
				}
				pass(interval)
				if row.restarts {
					r.stop()
				}
				row.bringBack(store, storage, oldStore, oldStorage)
				if row.restarts {
					r = run(t, open())
				}
				if r.verifies(leaked) || r.signing() == "" {
					t.Error("after a start a dropped key is in force, or none")
				}
				pass(2 * interval)
				wantGone(t, r, leaked, store, storage)
			})
		})
	}
}

// wantGone checks that a key is nowhere, and that every place knows that it was dropped.
func wantGone(t *testing.T, r *replica, kid string, store, storage *keyringtest.Memory) {
	t.Helper()
	if r.verifies(kid) || r.signing() == "" {
		t.Error("a dropped key is in force, or none")
	}
	places := []*keyringtest.Memory{storage}
	if r.keys.Store != nil {
		places = append(places, store)
	}
	for i, place := range places {
		set, err := decodeSet(place.Get(KeysDocument), r.keys.Owner, Dropped{})
		if err != nil || set.has(kid) || len(set.Keys) == 0 {
			t.Errorf("place %d has the dropped key, or no keys: %v", i, err)
		}
		dropped, err := decodeDropped(place.Get(DroppedDocument))
		if err != nil || !(Dropped{}.plus(dropped, time.Now())).Has(kid) {
			t.Errorf("place %d does not know that the key was dropped: %v", i, err)
		}
	}
}

// TestDropReachesReplicasThatHoldTheKey: they do not take the drop for a set that lost their keys.
func TestDropReachesReplicasThatHoldTheKey(t *testing.T) {
	t.Parallel()
	for _, drop := range []string{"the one that signs", EveryKey} {
		t.Run(drop, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := new(keyringtest.Memory)
				one := run(t, replicaOf(store, new(keyringtest.Memory)))
				other := run(t, replicaOf(store, new(keyringtest.Memory)))
				leaked, next := one.signing(), one.stored(t)[1].ID
				ids := []string{leaked}
				if drop == EveryKey {
					ids = []string{EveryKey}
				}
				if _, err := one.manager.Drop(t.Context(), ids); err != nil {
					t.Fatal(err)
				}
				pass(interval)
				for _, r := range []*replica{one, other} {
					if r.verifies(leaked) || r.signing() == "" || (drop == EveryKey) == r.verifies(next) {
						t.Errorf("in force is %v", publishedIDs(t, r.inForce.KeySet()))
					}
				}
				pass(halfDaily.Longest)
				if one.verifies(leaked) || other.verifies(leaked) {
					t.Error("later the key is in force again")
				}
			})
		})
	}
}

// TestDropWaitsForTheStore: while the store is unavailable, nothing is dropped, as with a revocation.
func TestDropWaitsForTheStore(t *testing.T) {
	t.Parallel()
	store, storage := new(keyringtest.Memory), new(keyringtest.Memory)
	for _, inStore := range []bool{true, false} {
		keys := replicaOf(store, storage)
		keys.InStore = inStore
		set := started(t, keys)
		before := backUp(storage)
		store.Fail(nil, errAway)
		_, err := keys.Drop(t.Context(), []string{set.Current().ID()})
		if !errors.Is(err, errAway) {
			t.Errorf("in store %t: the error is %v", inStore, err)
		}
		if diff := cmp.Diff(before, backUp(storage)); diff != "" || keys.Memory.Dropped().Has(set.Current().ID()) {
			t.Errorf("in store %t: something was dropped:\n%s", inStore, diff)
		}
		store.Fail(nil, nil)
		if _, err := keys.Drop(t.Context(), []string{set.Current().ID()}); err != nil {
			t.Errorf("in store %t: afterwards: %v", inStore, err)
		}
	}
}

var errAway = errors.New("the store is unavailable")

// TestDroppedKeyIsRefusedWhereTheSetCannotBeChanged: storage fails between the two documents.
func TestDroppedKeyIsRefusedWhereTheSetCannotBeChanged(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	keys := keysIn(failsAt{storage, KeysDocument, new(error)})
	fail := keys.Storage.(failsAt)
	r := &replica{keys: keys}
	r.manager = manage(keys, &r.inForce)
	if err := r.manager.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	*fail.err = fs.ErrPermission
	leaked := r.signing()
	if _, err := r.manager.Drop(t.Context(), []string{EveryKey}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the error is %v", err)
	}
	if r.verifies(leaked) || r.signing() != "" {
		t.Error("a dropped key is in force")
	}
	*fail.err = nil
	r.manager.refreshOnce(t.Context())
	if r.verifies(leaked) || r.signing() == "" {
		t.Error("afterwards a dropped key is in force, or none")
	}
}

// failsAt fails to write one document.
type failsAt struct {
	*keyringtest.Memory
	document string
	err      *error
}

func (f failsAt) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	if document == f.document && *f.err != nil {
		return *f.err
	}
	return f.Memory.Update(ctx, document, change)
}

// TestKeysOlderThanTheLastDropAreKnown: they may be ones that were dropped, where nothing is left that
// remembers.
func TestKeysOlderThanTheLastDropAreKnown(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	keys := keysIn(storage)
	first := started(t, keys).Current().ID()
	if !read(t, keys).Dropped.Newest().IsZero() {
		t.Error("something was dropped")
	}
	dropped := now.Add(time.Hour)
	keys.Now = func() time.Time { return dropped }
	state, err := keys.Drop(t.Context(), []string{first})
	if err != nil {
		t.Fatal(err)
	}
	var older int
	for _, key := range state.Set().Keys {
		if key.CreatedAt.Before(state.Dropped.Newest()) {
			older++
		}
	}
	if older != 1 || !state.Dropped.Newest().Equal(dropped) {
		t.Errorf("%d of %d keys are older than the drop at %v", older, len(state.Set().Keys), state.Dropped.Newest())
	}
}

// TestDroppedNeverShrinks: whatever places know, their union has it for as long as tokens live, in any order, and is
// bounded by what must be remembered.
func TestDroppedNeverShrinks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Custom(func(t *rapid.T) droppedKey {
			at := now.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(t, "dropped")) * time.Hour)
			return droppedKey{ID: fmt.Sprint("kid", rapid.IntRange(0, 600).Draw(t, "kid")), At: at, Until: at.Add(500 * time.Hour)}
		})
		some := rapid.OneOf(rapid.SliceOfN(one, 0, 100), rapid.SliceOfN(one, 200, 400)) // more than may be kept together
		a, b := some.Draw(t, "a"), some.Draw(t, "b")
		union := Dropped{}.plus(a, now).plus(b, now)
		other := Dropped{}.plus(b, now).plus(a, now)
		needed := 0
		for _, key := range append(a, b...) {
			if key.Until.After(now) {
				needed++
				if !union.Has(key.ID) || !other.Has(key.ID) {
					t.Fatalf("%s is forgotten", key.ID)
				}
			}
		}
		if len(union.keys) > max(maxDropped, needed) {
			t.Errorf("%d keys are remembered", len(union.keys))
		}
		if len(a)+len(b) <= maxDropped && !union.same(other) {
			t.Error("places that know the same differ")
		}
		data, err := encodeDropped(union)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeDropped(data)
		if err != nil || !(Dropped{}.plus(again, now)).same(union) {
			t.Errorf("it is not read as it was written: %v", err)
		}
	})
}
