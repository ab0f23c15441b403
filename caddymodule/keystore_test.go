package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// now is when the tests of this file happen, unless they run in a bubble.
var now = time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)

// keysIn are the keys of a gateway that signs with ES256.
func keysIn(storage certmagic.Storage) keyStore {
	return keyStore{
		storage: storage, gateway: "default",
		rotation: rotation{algorithm: token.ES256, every: DefaultRotate, longest: 8 * time.Hour},
		now:      func() time.Time { return now }, log: slog.New(slog.DiscardHandler),
	}
}

// started is what a replica has in force once it has started.
func started(t *testing.T, store keyStore) *token.KeySet {
	t.Helper()
	set, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func start(ctx context.Context, store keyStore) (*token.KeySet, error) {
	ring := new(token.Ring)
	keeper := keyKeeper{store: store, force: ring.Set, failed: func() {}, changed: func(string) {}}
	err := keeper.start(ctx)
	return ring.KeySet(), err
}

// publishedIDs are the IDs in a set's JWKS.
func publishedIDs(t rapid.TB, set *token.KeySet) map[string]bool {
	t.Helper()
	var jwks struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set.JWKS(), &jwks); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, key := range jwks.Keys {
		ids[key.ID] = true
	}
	return ids
}

func TestKeysAreMadeOnceAndForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	first := started(t, keysIn(storage))
	again := started(t, keysIn(storage))
	if diff := cmp.Diff(string(first.JWKS()), string(again.JWKS())); diff != "" {
		t.Errorf("the second start gave other keys (-first +again):\n%s", diff)
	}
	checkOwnerOnly(t, storage)
	later := keysIn(storage)
	later.now = func() time.Time { return now.Add(DefaultRotate) }
	if _, err := later.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkOwnerOnly(t, storage)
}

func checkOwnerOnly(t *testing.T, storage *certmagic.FileStorage) {
	t.Helper()
	info, err := os.Stat(storage.Filename("itsme/default/keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the stored keys have mode %v", info.Mode())
	}
}

// TestReplicasThatStartAtOnceShareTheirKeys runs with the lock of Caddy's own file storage, whose
// waiting goes by in a bubble.
func TestReplicasThatStartAtOnceShareTheirKeys(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		sets := make([]string, 8)
		var replicas sync.WaitGroup
		for i := range sets {
			replicas.Go(func() {
				store := keysIn(storage)
				store.now = time.Now
				set, err := start(t.Context(), store)
				if err != nil {
					t.Errorf("replica %d: %v", i, err)
					return
				}
				sets[i] = set.Current().ID() + string(set.JWKS())
			})
		}
		replicas.Wait()
		<-time.After(time.Minute) // the storage notices that its locks are released
		for _, set := range sets {
			if set != sets[0] {
				t.Errorf("replicas have different keys:\n%s\n%s", sets[0], set)
			}
		}
	})
}

// TestLongerLifetimesAreStoredBeforeTheyAreUsed takes two replicas of which one reloads with longer
// lifetimes, and the other gives the key its end.
func TestLongerLifetimesAreStoredBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	storage := &failingStorage{Storage: new(memoryStorage)}
	store := keysIn(storage)
	started(t, store)
	longer := store
	longer.rotation.longest = 24 * time.Hour
	storage.store = fs.ErrPermission
	if _, err := start(t.Context(), longer); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("when they cannot be stored the error is %v", err)
	}
	started(t, store)
	storage.store = nil
	started(t, longer)
	store.now = func() time.Time { return now.Add(store.rotation.every) }
	tended, err := store.tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if until := tended.Keys[0].VerifiesUntil.Sub(store.now()); until != 24*time.Hour+keyMargin {
		t.Errorf("the key verifies for %v more", until)
	}
}

// sharedStorage is a file storage with a lock that a test can hold.
type sharedStorage struct {
	*certmagic.FileStorage
	free chan struct{}
}

func (s *sharedStorage) Lock(ctx context.Context, _ string) error {
	select {
	case s.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sharedStorage) Unlock(context.Context, string) error {
	<-s.free
	return nil
}

func TestStartDoesNotWaitForTheLockForever(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		storage := &sharedStorage{FileStorage: files, free: make(chan struct{}, 1)}
		if err := storage.Lock(t.Context(), "by another replica"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := start(t.Context(), keysIn(storage)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if waited := time.Since(began); waited != keyDeadline {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestStorageThatFailsIsToldWithoutKeys(t *testing.T) {
	t.Parallel()
	for name, storage := range map[string]*failingStorage{
		"reading": {load: fs.ErrPermission},
		"writing": {store: fs.ErrPermission},
		"locking": {lock: fs.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir()
			storage.Storage = &certmagic.FileStorage{Path: path}
			set, err := start(t.Context(), keysIn(storage))
			if set != nil || !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v, %v", set, err)
			}
			if locks, _ := filepath.Glob(filepath.Join(path, "locks", "*")); len(locks) != 0 {
				t.Errorf("a lock is left: %v", locks)
			}
		})
	}
}

// failingStorage fails at one thing or another.
type failingStorage struct {
	certmagic.Storage
	load, store, lock error
	away              atomic.Bool // nothing can be read; may change while the storage is in use
}

func (s *failingStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if s.away.Load() {
		return nil, fs.ErrPermission
	}
	if s.load != nil {
		return nil, s.load
	}
	return s.Storage.Load(ctx, key)
}

func (s *failingStorage) Store(ctx context.Context, key string, value []byte) error {
	if s.store != nil {
		return s.store
	}
	return s.Storage.Store(ctx, key, value)
}

func (s *failingStorage) Lock(ctx context.Context, name string) error {
	if s.lock != nil {
		return s.lock
	}
	return s.Storage.Lock(ctx, name)
}

// memoryStorage is storage with one document, for one user at a time.
type memoryStorage struct {
	certmagic.Storage
	data []byte
}

func (s *memoryStorage) Load(context.Context, string) ([]byte, error) {
	if s.data == nil {
		return nil, fs.ErrNotExist
	}
	return s.data, nil
}

func (s *memoryStorage) Store(_ context.Context, _ string, data []byte) error {
	s.data = data
	return nil
}

func (s *memoryStorage) Lock(context.Context, string) error   { return nil }
func (s *memoryStorage) Unlock(context.Context, string) error { return nil }
