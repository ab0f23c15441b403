package keystorage

import (
	"context"
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

	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// keysIn are the keys of a gateway that signs with ES256.
func keysIn(storage certmagic.Storage) *keyring.Keyring {
	log := slog.New(slog.DiscardHandler)
	return &keyring.Keyring{
		Owner:    keyring.Owner{Gateway: "default"},
		Rotation: keyring.Rotation{Algorithm: token.ES256, Every: 30 * 24 * time.Hour, Longest: 8 * time.Hour},
		Memory:   new(keyring.Memory), Now: time.Now, Logger: log, Storage: New(storage, "default", log),
	}
}

// TestCaddysStorageKeepsKeys runs the suite of the keys' storage on files, as Caddy and as a command uses them.
func TestCaddysStorageKeepsKeys(t *testing.T) {
	t.Parallel()
	for name, storage := range map[string]func(*certmagic.FileStorage) certmagic.Storage{
		"Caddy":   func(files *certmagic.FileStorage) certmagic.Storage { return files },
		"command": func(files *certmagic.FileStorage) certmagic.Storage { return KeepOwners(files) },
	} {
		files := storage(&certmagic.FileStorage{Path: t.TempDir()})
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func(gateway string) keyringtest.Storage {
				return New(files, gateway, slog.New(slog.DiscardHandler))
			}
			// The storage's lock waits by the clock.
			synctest.Test(t, func(t *testing.T) {
				keyringtest.Run(t, func() keyringtest.Storage { return open("default") }, open("partners"))
				<-time.After(time.Minute) // the storage notices that its locks are released
			})
		})
	}
}

func TestStoredKeysAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	state, err := keysIn(storage).Tend(t.Context())
	if err == nil {
		_, err = keysIn(storage).Drop(t.Context(), []string{state.Set().Keys[0].ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"keys", "dropped"} {
		info, err := os.Stat(storage.Filename("itsme/default/" + document + ".json"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", document, info.Mode())
		}
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
				state, err := keysIn(storage).Tend(t.Context())
				if err != nil {
					t.Errorf("replica %d: %v", i, err)
					return
				}
				for _, key := range state.Set().Keys {
					sets[i] += key.ID
				}
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

func TestStorageThatFailsIsNamed(t *testing.T) {
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
			_, err := keysIn(storage).Tend(t.Context())
			if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), name) || !strings.HasSuffix(err.Error(), remedy) {
				t.Errorf("got %v", err)
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
}

func (s *failingStorage) Load(ctx context.Context, key string) ([]byte, error) {
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
