package keyring

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
)

// TestReplicaInventsNoKeysWhereOthersHaveSome: its folder is not mounted, or the store lost the keys and not their
// IDs. It says so, and is ready as soon as the keys are back.
func TestReplicaInventsNoKeysWhereOthersHaveSome(t *testing.T) {
	t.Parallel()
	for _, inStore := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
			open := func(folder Storage) *Keyring {
				keys := replicaOf(store, folder)
				keys.InStore = inStore
				return keys
			}
			holds := run(t, open(folder))
			pass(interval)
			holds.stop()
			store.Put(KeysDocument, nil)
			unmounted := new(keyringtest.Memory)
			r := run(t, open(unmounted))
			pass(2 * interval)
			if r.signing() != "" || unmounted.Get(KeysDocument) != nil || store.Get(KeysDocument) != nil {
				t.Errorf("in store %t: it made keys", inStore)
			}
			if log := r.log.String(); !strings.Contains(log, ErrMissing.Error()) || !strings.Contains(log, holds.signing()) {
				t.Errorf("in store %t: the log does not say why: %s", inStore, log)
			}
			if inStore {
				run(t, open(folder))
			} else {
				unmounted.Put(KeysDocument, folder.Get(KeysDocument))
			}
			pass(2 * time.Second)
			if r.signing() != holds.signing() {
				t.Errorf("in store %t: %q signs", inStore, r.signing())
			}
		})
	}
}

// interrupted is a storage in which another replica works after each update's first look at a document.
type interrupted struct {
	*keyringtest.Memory
	once sync.Once
	work func()
}

func (s *interrupted) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	return s.Memory.Update(ctx, document, func(held []byte) ([]byte, error) {
		s.once.Do(s.work)
		return change(held)
	})
}

// TestReplicasThatStartAtOnceFindEachOthersKeys: one replica makes the first keys after the other found
// none. The other takes them, and does not report that they are missing.
func TestReplicasThatStartAtOnceFindEachOthersKeys(t *testing.T) {
	t.Parallel()
	store := new(keyringtest.Memory)
	first := replicaOf(store, new(keyringtest.Memory))
	first.InStore = true
	second := replicaOf(store, new(keyringtest.Memory))
	second.InStore = true
	var made State
	second.Store = &interrupted{Memory: store, work: func() {
		var err error
		if made, err = first.Tend(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	found, err := second.Tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, _ := made.Set().Signing(first.Rotation, first.Now())
	if got, _ := found.Set().Signing(second.Rotation, second.Now()); got.ID != want.ID || got.ID == "" {
		t.Errorf("%q and %q sign", want.ID, got.ID)
	}
}

// TestDropAllBeginsAnewWhereKeysAreMissing is the way out.
func TestDropAllBeginsAnewWhereKeysAreMissing(t *testing.T) {
	t.Parallel()
	store := new(keyringtest.Memory)
	before := started(t, replicaOf(store, new(keyringtest.Memory)))
	store.Put(KeysDocument, nil)
	keys := replicaOf(store, new(keyringtest.Memory))
	if _, err := keys.Drop(t.Context(), []string{EveryKey}); err != nil {
		t.Fatal(err)
	}
	if set := started(t, keys); set.Has(before.Current().ID()) || set.Current() == nil {
		t.Error("there are no new keys")
	}
}

// TestReplicaStartsWithoutTheStore, with the copy in its folder or not yet.
func TestReplicaStartsWithoutTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
		r := run(t, replicaOf(store, folder))
		pass(interval)
		first := r.signing()
		r.stop()
		store.Fail(errAway, errAway)
		copied, empty := run(t, replicaOf(store, folder)), run(t, replicaOf(store, new(keyringtest.Memory)))
		if copied.signing() != first {
			t.Errorf("%q signs where there is a copy", copied.signing())
		}
		if empty.signing() != "" {
			t.Error("a replica without a copy made keys while it could not know")
		}
		pass(10 * time.Second)
		copied.wantLog(t, "ERROR", "signing keys could not be read or changed; the last known ones stay in force")
		store.Fail(nil, nil)
		pass(2 * time.Second)
		if empty.signing() != first {
			t.Errorf("%q signs when the store is back", empty.signing())
		}
	})
}

// TestDropIsKnownAsSoonAsTheStoreIs: a replica that was stopped while its key was dropped starts with its
// old copy while the store is unavailable. Requests are served as soon as the store is back: by then, or a moment
// later, the key must be gone.
func TestDropIsKnownAsSoonAsTheStoreIs(t *testing.T) {
	t.Parallel()
	for _, inStore := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
			open := func(folder Storage) *Keyring {
				keys := replicaOf(store, folder)
				keys.InStore = inStore
				return keys
			}
			r := run(t, open(folder))
			pass(interval)
			leaked := r.signing()
			r.stop()
			elsewhere := new(keyringtest.Memory)
			backUp(folder).restore(elsewhere, KeysDocument)
			operator := open(elsewhere)
			operator.Now, operator.Rotation = time.Now, halfDaily
			if _, err := operator.Drop(t.Context(), []string{leaked}); err != nil {
				t.Fatal(err)
			}
			store.Fail(errAway, errAway)
			r = run(t, open(folder))
			pass(interval)
			store.Fail(nil, nil)
			pass(retryInterval)
			if r.verifies(leaked) || r.signing() == "" {
				t.Errorf("in store %t: the dropped key is in force, or none", inStore)
			}
		})
	}
}

// TestCopyThatCannotBeReadIsNotReplaced: the store came back empty, and what the folder has may be the keys.
func TestCopyThatCannotBeReadIsNotReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, folder := new(keyringtest.Memory), new(keyringtest.Memory)
		r := run(t, replicaOf(store, folder))
		pass(interval)
		r.stop()
		store.Clear()
		kept := folder.Get(KeysDocument)
		folder.Put(KeysDocument, kept[:len(kept)/2])
		again := run(t, replicaOf(store, folder))
		pass(2 * interval)
		if again.signing() != "" || store.Get(KeysDocument) != nil {
			t.Error("it made keys")
		}
		folder.Put(KeysDocument, kept)
		pass(2 * time.Second)
		if again.signing() != r.signing() {
			t.Errorf("%q signs when the copy is mended", again.signing())
		}
	})
}
