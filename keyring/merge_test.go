package keyring

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
)

// TestStoreThatComesBackEmptyLosesNoKeys: a new replica with an empty folder comes first and makes keys of
// its own. The others merge: what was issued by either is accepted by all, and the older set signs.
func TestStoreThatComesBackEmptyLosesNoKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(keyringtest.Memory)
		old := run(t, replicaOf(store, new(keyringtest.Memory)))
		pass(3 * interval)
		first := old.signing()
		store.Clear()
		fresh := run(t, replicaOf(store, new(keyringtest.Memory)))
		its := fresh.signing()
		if its == first {
			t.Fatal("the new replica knows the keys")
		}
		pass(3 * interval)
		for _, r := range []*replica{old, fresh} {
			if r.signing() != first || !r.verifies(its) {
				t.Errorf("%s signs, and the new replica's tokens are accepted: %t", r.signing(), r.verifies(its))
			}
		}
		if strings.Contains(old.log.String(), "another signing key took over") {
			t.Errorf("another key signed at the old replica: %s", &old.log)
		}
		pass(halfDaily.Longest + Margin + interval)
		if old.verifies(its) || !old.verifies(first) {
			t.Error("when its last token has expired the new replica's key stays, or the old one goes")
		}
	})
}

// TestReplicaPutsBackWhatTheStoreLost, at once or when it starts with the copy alone.
func TestReplicaPutsBackWhatTheStoreLost(t *testing.T) {
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
			r := run(t, replicaOf(store, folder))
			pass(interval)
			first := r.signing()
			if restarts {
				r.stop()
			}
			store.Clear()
			if restarts {
				r = run(t, replicaOf(store, folder))
			}
			pass(2 * interval)
			fresh := run(t, replicaOf(store, new(keyringtest.Memory)))
			if r.signing() != first || fresh.signing() != first {
				t.Errorf("restarts %t: %s and %s sign, not %s", restarts, r.signing(), fresh.signing(), first)
			}
		})
	}
}

// TestFirstStoreTakesTheKeysOfStorage: adding Redis logs no user out.
func TestFirstStoreTakesTheKeysOfStorage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
		before := run(t, keysIn(folder))
		pass(interval)
		before.stop()
		r := run(t, replicaOf(store, folder))
		other := run(t, replicaOf(store, new(keyringtest.Memory)))
		if r.signing() != before.signing() || other.signing() != before.signing() {
			t.Errorf("%s and %s sign, not %s", r.signing(), other.signing(), before.signing())
		}
	})
}

// TestOlderSetIsNotBelieved: an attacker who may write to the store puts back a sealed set of before a rotation,
// to have a key sign that they have stolen since, or to have new tokens refused.
func TestOlderSetIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
			r := run(t, replicaOf(store, folder))
			pass(interval)
			old, first := backUp(store), r.signing()
			pass(halfDaily.Every + interval)
			current := r.signing()
			if current == first {
				t.Fatal("nothing was rotated")
			}
			if restarts {
				r.stop()
			}
			old.restore(store, KeysDocument)
			if restarts {
				r = run(t, replicaOf(store, folder))
			}
			pass(2 * interval)
			fresh := run(t, replicaOf(store, new(keyringtest.Memory)))
			if r.signing() != current || fresh.signing() != current {
				t.Errorf("restarts %t: %s and %s sign, not %s", restarts, r.signing(), fresh.signing(), current)
			}
			r.wantLog(t, "ERROR", "an older set of signing keys was written over the newer one; it is not used, and the newer one is written back")
		})
	}
}

// TestSetsOfTwoStoresAreNotMerged: another prefix or secret is another gateway's, whatever the set says.
// The replica that holds keys verifies with them until their tokens have expired, and does not sign.
func TestSetsOfTwoStoresAreNotMerged(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(storage Storage) *Keyring{
		"without a store": keysIn,
		"with the ID of another store": func(storage Storage) *Keyring {
			keys := replicaOf(new(keyringtest.Memory), storage)
			keys.InStore = false
			return keys
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				storage, elsewhere := new(keyringtest.Memory), new(keyringtest.Memory)
				r := run(t, open(storage))
				pass(interval)
				first := r.signing()
				theirs := keysIn(elsewhere)
				theirs.Now, theirs.Rotation = time.Now, halfDaily
				set := started(t, theirs)
				storage.Put(KeysDocument, elsewhere.Get(KeysDocument))
				pass(2 * interval)
				if r.signing() != set.Current().ID() || !r.verifies(first) {
					t.Errorf("%s signs, and what this replica issued is accepted: %t", r.signing(), r.verifies(first))
				}
				r.wantLog(t, "ERROR", "signing keys are missing in the document that replicas share; their tokens are accepted until they expire")
				if strings.Contains(string(storage.Get(KeysDocument)), first) {
					t.Error("the sets were merged")
				}
				pass(halfDaily.Longest + Margin + interval)
				if r.verifies(first) {
					t.Error("the key stays when its last token has expired")
				}
			})
		})
	}
}

// TestForeignKeysNeverSignNorVerify puts the keys of another gateway, issuer or prefix where a gateway looks for
// its own: a copied folder, or one prefix for two gateways. A token of the other one would be accepted.
func TestForeignKeysNeverSignNorVerify(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]Owner{
		"another gateway": {Gateway: "partners", Issuer: ours.Issuer},
		"another issuer":  {Gateway: ours.Gateway, Issuer: "https://test.example.be"},
		"another prefix":  {Gateway: ours.Gateway, Issuer: ours.Issuer, Prefix: "itsme:test"},
	} {
		for _, inStore := range []bool{true, false} {
			store, storage := new(keyringtest.Memory), new(keyringtest.Memory)
			theirs := replicaOf(store, storage)
			theirs.Owner, theirs.InStore = foreign, inStore
			before := started(t, theirs)
			keys := replicaOf(store, storage)
			keys.InStore = inStore
			for range 2 {
				set := started(t, keys)
				for kid := range publishedIDs(t, before) {
					if set.Has(kid) {
						t.Errorf("%s, in store %t: its key is in force", name, inStore)
					}
				}
			}
			theirs.Memory = new(Memory)
			if again := started(t, theirs); again.Current().ID() != before.Current().ID() {
				t.Errorf("%s, in store %t: its keys were taken away", name, inStore)
			}
		}
	}
}

// TestKeysWithoutAnOwnerAreTheFinders: an update of the gateway logs no user out.
func TestKeysWithoutAnOwnerAreTheFinders(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	key := keyAt(t, monthly.Algorithm, -day, 0)
	storage.Put(KeysDocument, []byte(stored(t, key)))
	keys := keysIn(storage)
	if got := started(t, keys).Current().ID(); got != key.ID {
		t.Errorf("%s signs", got)
	}
	if _, err := keys.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := keysIn(storage)
	other.Owner.Issuer = "https://test.example.be"
	if started(t, other).Has(key.ID) {
		t.Error("another issuer uses the key")
	}
}

// TestReplacedKeysNeverSign merges in the very second in which the younger key could still sign for as long as
// its tokens live.
func TestReplacedKeysNeverSign(t *testing.T) {
	t.Parallel()
	older := Set{Lineage: "older", BeganAt: now.Add(-day), StoreID: "m", Keys: []Key{at("older", -day, 0), at("its next", 29*day, 0)}}
	younger := Set{Lineage: "younger", BeganAt: now.Add(-time.Hour), StoreID: "m", Keys: []Key{at("younger", -time.Hour, 0), at("never signed", 29*day, 0)}}
	for name, sets := range map[string][2]Set{"known is older": {older, younger}, "found is older": {younger, older}} {
		m := monthly.merge(sets[0], sets[1], true, now)
		settled := monthly.settled(m.set, now)
		if key, _ := settled.Signing(monthly, now); key.ID != "older" {
			t.Errorf("%s: %s signs", name, key.ID)
		}
		var roles []string
		for _, key := range sorted(settled.Keys) {
			roles = append(roles, key.ID+" "+settled.role(key, monthly, now))
		}
		want := "older current, younger previous, its next next"
		if got := strings.Join(roles, ", "); got != want {
			t.Errorf("%s: the keys are %s, want %s", name, got, want)
		}
		if end := settled.Keys[2].VerifiesUntil.Sub(now); settled.Keys[2].ID != "younger" || end != 8*time.Hour+Margin {
			t.Errorf("%s: %s verifies for %v", name, settled.Keys[2].ID, end)
		}
	}
}

// TestRevisionsNeverGoBack: an older set with the same keys is written back, which is harmless by itself. The count
// must not begin again from there: then another older set would pass for the newest.
func TestRevisionsNeverGoBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(keyringtest.Memory)
		r := run(t, replicaOf(store, new(keyringtest.Memory)))
		first := backUp(store)
		store.Put(KeysDocument, nil)
		pass(2 * interval)
		second := backUp(store) // the same keys, put back
		first.restore(store, KeysDocument)
		pass(Lead)
		if _, err := r.manager.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		current := r.signing()
		second.restore(store, KeysDocument)
		pass(2 * interval)
		if r.signing() != current {
			t.Error("the key before signs again")
		}
	})
}
