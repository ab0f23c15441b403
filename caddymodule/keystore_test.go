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
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// now is when the tests of this file happen, unless they run in a bubble.
var now = time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)

func keysIn(storage certmagic.Storage, algorithm token.Algorithm) keyStore {
	return keyStore{
		storage: storage, gateway: "default", algorithm: algorithm,
		now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler),
	}
}

func TestKeysAreMadeOnceAndForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	first, err := keysIn(storage, token.ES256).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := keysIn(storage, token.ES256).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first.JWKS()), string(again.JWKS())); diff != "" {
		t.Errorf("the second load gave other keys (-first +again):\n%s", diff)
	}
	info, err := os.Stat(storage.Filename("itsme/default/keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the stored keys have mode %v", info.Mode())
	}
}

func TestReplicasThatStartAtOnceShareOneKey(t *testing.T) {
	t.Parallel()
	storage := &sharedStorage{FileStorage: &certmagic.FileStorage{Path: t.TempDir()}, free: make(chan struct{}, 1)}
	ids := make([]string, 16)
	var replicas sync.WaitGroup
	for i := range ids {
		replicas.Go(func() {
			set, err := keysIn(storage, token.ES256).load(t.Context())
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
				return
			}
			ids[i] = set.Current().ID()
		})
	}
	replicas.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two keys sign: %s and %s", ids[0], id)
		}
	}
}

// sharedStorage is a file storage with a lock that one replica at a time holds, as the file
// storage's own but without its polling.
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

func TestKeysOfAnotherAlgorithmStayGood(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	before, err := keysIn(storage, token.ES256).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := keysIn(storage, token.EdDSA).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Current().Algorithm() != token.EdDSA {
		t.Errorf("the signing key is for %s", after.Current().Algorithm())
	}
	if !strings.Contains(string(after.JWKS()), before.Current().ID()) {
		t.Errorf("the ES256 key is not published any more: %s", after.JWKS())
	}
}

func TestRolesFollowFromTimes(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	at := func(signsFrom, verifiesUntil time.Duration) storedKey {
		key, err := newStoredKey(token.ES256, now.Add(signsFrom))
		if err != nil {
			t.Fatal(err)
		}
		if verifiesUntil != 0 {
			key.VerifiesUntil = now.Add(verifiesUntil)
		}
		return key
	}
	for _, tt := range []struct {
		name      string
		keys      []storedKey
		signs     int // index of the key that signs
		published []int
	}{
		{"one key", []storedKey{at(-day, 0)}, 0, []int{0}},
		{"made by a replica whose clock is ahead", []storedKey{at(time.Minute, 0)}, 0, []int{0}},
		{"previous, current and next", []storedKey{at(-30*day, time.Hour), at(-day, 0), at(day, 0)}, 1, []int{0, 1, 2}},
		{"next, current and previous", []storedKey{at(day, 0), at(-day, 0), at(-30*day, time.Hour)}, 1, []int{0, 1, 2}},
		{"one that no token needs any more", []storedKey{at(-30*day, -time.Hour), at(-day, 0)}, 1, []int{1}},
		{"the next has taken over", []storedKey{at(-day, time.Hour), at(-time.Second, 0)}, 1, []int{0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			storage := &certmagic.FileStorage{Path: t.TempDir()}
			store := keysIn(storage, token.ES256)
			if err := store.write(t.Context(), storedKeys{tt.keys}); err != nil {
				t.Fatal(err)
			}
			set, err := store.load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.keys[tt.signs].ID; set.Current().ID() != want {
				t.Errorf("%s signs, not %s", set.Current().ID(), want)
			}
			want := make(map[string]bool)
			for _, i := range tt.published {
				want[tt.keys[i].ID] = true
			}
			if diff := cmp.Diff(want, publishedIDs(t, set)); diff != "" {
				t.Errorf("published keys (-want +got):\n%s", diff)
			}
		})
	}
}

func publishedIDs(t *testing.T, set *token.KeySet) map[string]bool {
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

func TestDamagedKeysAreRefusedAndKept(t *testing.T) {
	t.Parallel()
	key, err := newStoredKey(token.ES256, now)
	if err != nil {
		t.Fatal(err)
	}
	other := key
	other.ID = "another"
	torn := key
	torn.PrivateKey = torn.PrivateKey[:80]
	for name, content := range map[string]any{
		"cut off":             json.RawMessage(`{"keys":[`),
		"no key":              storedKeys{},
		"key of another name": storedKeys{[]storedKey{other}},
		"key that is torn":    storedKeys{[]storedKey{torn}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storage := &certmagic.FileStorage{Path: t.TempDir()}
			data, ok := content.(json.RawMessage)
			if !ok {
				data, _ = json.Marshal(content)
			}
			if err := storage.Store(t.Context(), "itsme/default/keys.json", data); err != nil {
				t.Fatal(err)
			}
			_, err := keysIn(storage, token.ES256).load(t.Context())
			if !errors.Is(err, errStoredKeys) || !strings.Contains(err.Error(), "restore") {
				t.Errorf("the error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), torn.PrivateKey[40:60]) {
				t.Errorf("the error shows key material: %v", err)
			}
			if kept, err := storage.Load(t.Context(), "itsme/default/keys.json"); err != nil || string(kept) != string(data) {
				t.Errorf("the stored keys were changed (%v)", err)
			}
		})
	}
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
		if _, err := keysIn(storage, token.ES256).load(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
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
			storage.FileStorage = &certmagic.FileStorage{Path: t.TempDir()}
			set, err := keysIn(storage, token.ES256).load(t.Context())
			if set != nil || !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v, %v", set, err)
			}
			if locks, _ := filepath.Glob(filepath.Join(storage.Path, "locks", "*")); len(locks) != 0 {
				t.Errorf("a lock is left: %v", locks)
			}
		})
	}
}

// failingStorage is a disk that fails at one thing.
type failingStorage struct {
	*certmagic.FileStorage
	load, store, lock error
}

func (s *failingStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if s.load != nil {
		return nil, s.load
	}
	return s.FileStorage.Load(ctx, key)
}

func (s *failingStorage) Store(ctx context.Context, key string, value []byte) error {
	if s.store != nil {
		return s.store
	}
	return s.FileStorage.Store(ctx, key, value)
}

func (s *failingStorage) Lock(ctx context.Context, name string) error {
	if s.lock != nil {
		return s.lock
	}
	return s.FileStorage.Lock(ctx, name)
}
