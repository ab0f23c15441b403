package keyring

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// halfDaily rotates fast enough for a test that reads every minute.
var halfDaily = Rotation{Algorithm: token.ES256, Every: 12 * time.Hour, Longest: 8 * time.Hour}

// replica is a process in testing/synctest.
type replica struct {
	keys    *Keyring
	manager *Manager
	inForce token.Keys
	log     safeBuffer
	stop    func()
}

// replicaOf are the keys of a gateway whose replicas share a store.
func replicaOf(store, storage Storage) *Keyring {
	keys := keysIn(storage)
	keys.Store, keys.InStore, keys.StoreID = store, true, func() string { return "this store" }
	keys.Owner.Prefix = "itsme:default"
	return keys
}

// run runs a replica until it is stopped, or its test ends.
func run(t *testing.T, keys *Keyring) *replica {
	t.Helper()
	r := &replica{keys: keys}
	keys.Now, keys.Rotation, keys.Logger = time.Now, halfDaily, slog.New(slog.NewTextHandler(&r.log, nil))
	r.manager = manage(keys, &r.inForce)
	if err := r.manager.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.manager.Run(ctx) })
	r.stop = func() {
		stop()
		running.Wait()
	}
	t.Cleanup(r.stop)
	return r
}

// pass lets time pass in testing/synctest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// stored are the keys that replicas find.
func (r *replica) stored(t *testing.T) []Key {
	t.Helper()
	return sorted(read(t, r.keys).set.Keys)
}

// signing is the ID of the key that signs here.
func (r *replica) signing() string {
	if set := r.inForce.KeySet(); set != nil {
		return set.Current().ID()
	}
	return ""
}

func (r *replica) verifies(kid string) bool {
	return r.inForce.KeySet() != nil && r.inForce.KeySet().Has(kid)
}

// wantLog checks that something was logged once.
func (r *replica) wantLog(t *testing.T, level, message string) {
	t.Helper()
	if n := strings.Count(r.log.String(), "level="+level+` msg="`+message+`"`); n != 1 {
		t.Errorf("%d times %q is logged at %s:\n%s", n, message, level, &r.log)
	}
}

func TestKeysRotateByThemselves(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]func() (one, other *Keyring){
		"in storage": func() (*Keyring, *Keyring) {
			storage := new(keyringtest.Memory)
			return keysIn(storage), keysIn(storage)
		},
		"in the store": func() (*Keyring, *Keyring) {
			store := new(keyringtest.Memory)
			return replicaOf(store, new(keyringtest.Memory)), replicaOf(store, new(keyringtest.Memory))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := keys()
				rotateByThemselves(t, run(t, a), run(t, b))
			})
		})
	}
}

func rotateByThemselves(t *testing.T, one, other *replica) {
	first, next := one.signing(), one.stored(t)[1].ID
	pass(halfDaily.Every - time.Minute)
	if got := one.signing(); got != first {
		t.Errorf("%s signs too early", got)
	}
	pass(2 * time.Minute)
	for _, r := range []*replica{one, other} {
		if got := r.signing(); got != next {
			t.Errorf("%s signs, not %s", got, next)
		}
		r.wantLog(t, "INFO", "another signing key took over")
	}
	if diff := cmp.Diff(string(one.inForce.KeySet().JWKS()), string(other.inForce.KeySet().JWKS())); diff != "" {
		t.Errorf("replicas publish different keys:\n%s", diff)
	}
	if n := len(publishedIDs(t, one.inForce.KeySet())); n != 3 {
		t.Errorf("%d keys are published, not previous, current and next", n)
	}
	pass(halfDaily.Longest + Margin + time.Minute)
	if publishedIDs(t, one.inForce.KeySet())[first] {
		t.Error("the previous key stays when its last token has expired")
	}
	for _, key := range one.stored(t) {
		if strings.Contains(one.log.String()+other.log.String(), strings.Split(key.PrivateKey, "\n")[1]) {
			t.Error("the log has a private key")
		}
	}
	if strings.Contains(one.log.String()+other.log.String(), "level=ERROR") {
		t.Errorf("something is wrong: %s%s", &one.log, &other.log)
	}
}

func TestKeysThatOthersChangedAreSeen(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	synctest.Test(t, func(t *testing.T) {
		r := run(t, keysIn(storage))
		pass(Lead)
		operator := keysIn(storage)
		operator.Now, operator.Rotation = time.Now, halfDaily
		rotated, err := operator.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pass(interval)
		want := make(map[string]bool)
		for _, key := range rotated.Set().Keys {
			want[key.ID] = true
		}
		if diff := cmp.Diff(want, publishedIDs(t, r.inForce.KeySet())); diff != "" {
			t.Errorf("published keys (-want +got):\n%s", diff)
		}
		if got := r.signing(); got != rotated.Set().Keys[1].ID {
			t.Errorf("%s signs, not %s", got, rotated.Set().Keys[1].ID)
		}
	})
}

func TestKeysGoOnWithoutStorage(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	synctest.Test(t, func(t *testing.T) {
		r := run(t, keysIn(storage))
		next := r.stored(t)[1].ID
		storage.Fail(fs.ErrPermission, fs.ErrPermission)
		pass(halfDaily.Every + time.Minute)
		if got := r.signing(); got != next {
			t.Errorf("%s signs, not %s", got, next)
		}
		if !strings.Contains(r.log.String(), "signing keys could not be read or changed; the last known ones stay in force") {
			t.Errorf("the log lacks it: %s", &r.log)
		}
		storage.Fail(nil, nil)
		pass(2 * interval)
		if n := len(r.stored(t)); n != 3 {
			t.Errorf("%d keys are stored, not previous, current and next", n)
		}
	})
}

// TestKeysThatVanishArePutBack takes a storage that comes back empty: keys that a replica made then would log
// everybody out. What is damaged is for the operator.
func TestKeysThatVanishArePutBack(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	synctest.Test(t, func(t *testing.T) {
		r := run(t, keysIn(storage))
		before := r.inForce.KeySet()
		storage.Clear()
		pass(2 * interval)
		r.wantLog(t, "WARN", "the document that replicas share has no signing keys; this replica writes back those that it knows")
		storage.Put(KeysDocument, []byte("{"))
		pass(2 * interval)
		if got := storage.Get(KeysDocument); string(got) != "{" {
			t.Errorf("damaged keys were replaced by %s", got)
		}
		if !strings.Contains(r.log.String(), "damaged") {
			t.Errorf("the log does not say that they are damaged: %s", &r.log)
		}
		if r.inForce.KeySet() != before {
			t.Error("other keys are in force")
		}
		storage.Clear()
		pass(2 * interval)
		r.stop()
		if again := started(t, keysIn(storage)); !bytes.Equal(again.JWKS(), before.JWKS()) {
			t.Error("a replica that starts then has other keys")
		}
	})
}

func TestKeepingKeysEndsWhileItWaitsForTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storage := new(keyringtest.Memory)
		r := run(t, keysIn(storage))
		storage.Hold()
		pass(halfDaily.Every + time.Second)
		began := time.Now()
		r.stop()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it ended after %v", waited)
		}
		if strings.Contains(r.log.String(), "ERROR") {
			t.Errorf("ending is taken for a failure: %s", &r.log)
		}
	})
}

// safeBuffer is a log that a test reads while others write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
