package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// now is when the tests happen, unless they run in testing/synctest.
var now = time.Date(2026, 3, 19, 8, 36, 6, 0, time.UTC)

// ours owns the keys of the tests.
var ours = Owner{Gateway: "default", Issuer: "https://app.example.be"}

// keysIn are the keys of a gateway that signs with ES256, as a process finds them that has just
// started.
func keysIn(storage Storage) *Keyring {
	return &Keyring{
		Owner: ours, Rotation: Rotation{Algorithm: token.ES256, Every: 30 * day, Longest: 8 * time.Hour},
		Storage: storage, Memory: new(Memory), Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	}
}

// started is what a replica has in force once it has started.
func started(t *testing.T, keys *Keyring) *token.KeySet {
	t.Helper()
	set, err := start(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func start(ctx context.Context, keys *Keyring) (*token.KeySet, error) {
	inForce := new(token.Keys)
	err := manage(keys, inForce).Start(ctx)
	return inForce.KeySet(), err
}

// manage returns a manager that puts keys in force.
func manage(keys *Keyring, inForce *token.Keys) *Manager {
	return &Manager{Keyring: keys, Force: inForce.Set, Failed: func() {}, Changed: func(string) {}}
}

// read is what there is of keys.
func read(t *testing.T, keys *Keyring) State {
	t.Helper()
	state, err := keys.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// publishedIDs are the IDs in a set's JWKS.
func publishedIDs(t rapid.TB, set *token.KeySet) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	if set == nil {
		return ids
	}
	var jwks struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set.JWKS(), &jwks); err != nil {
		t.Fatal(err)
	}
	for _, key := range jwks.Keys {
		ids[key.ID] = true
	}
	return ids
}

func TestMemoryIsAStorage(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	keyringtest.Run(t, func() keyringtest.Storage { return storage }, elsewhere{new(keyringtest.Memory)})
}

// elsewhere is the storage of another gateway.
type elsewhere struct{ keyringtest.Storage }

func (e elsewhere) Where(document string) string {
	return e.Storage.Where(document) + " of another gateway"
}

func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	first := started(t, keysIn(storage))
	again := started(t, keysIn(storage))
	if diff := cmp.Diff(string(first.JWKS()), string(again.JWKS())); diff != "" {
		t.Errorf("the second start gave other keys (-first +again):\n%s", diff)
	}
}

func TestReplicasThatStartAtOnceShareTheirKeys(t *testing.T) {
	t.Parallel()
	shared := new(keyringtest.Memory)
	for name, keys := range map[string]func() *Keyring{
		"in storage":   func() *Keyring { return keysIn(shared) },
		"in the store": func() *Keyring { return replicaOf(shared, new(keyringtest.Memory)) },
	} {
		shared.Clear()
		sets := make([]string, 8)
		var replicas sync.WaitGroup
		for i := range sets {
			replicas.Go(func() {
				set, err := start(t.Context(), keys())
				if err != nil {
					t.Errorf("%s: replica %d: %v", name, i, err)
					return
				}
				sets[i] = set.Current().ID() + string(set.JWKS())
			})
		}
		replicas.Wait()
		for _, set := range sets {
			if set != sets[0] {
				t.Errorf("%s: replicas have different keys:\n%s\n%s", name, sets[0], set)
			}
		}
	}
}

// TestLongerLifetimesAreStoredBeforeTheyAreUsed takes two replicas of which one reloads with longer
// lifetimes, and the other gives the key its end.
func TestLongerLifetimesAreStoredBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	storage := new(keyringtest.Memory)
	started(t, keysIn(storage))
	longer := keysIn(storage)
	longer.Rotation.Longest = 24 * time.Hour
	storage.Fail(nil, fs.ErrPermission)
	if _, err := start(t.Context(), longer); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("when they cannot be stored the error is %v", err)
	}
	started(t, keysIn(storage))
	storage.Fail(nil, nil)
	started(t, longer)
	later := keysIn(storage)
	later.Now = func() time.Time { return now.Add(later.Rotation.Every) }
	tended, err := later.Tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if until := tended.Set().Keys[0].VerifiesUntil.Sub(later.Now()); until != 24*time.Hour+Margin {
		t.Errorf("the key verifies for %v more", until)
	}
}

func TestStartDoesNotWaitForTheLockForever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storage := new(keyringtest.Memory)
		storage.Hold()
		began := time.Now()
		if _, err := start(t.Context(), keysIn(storage)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if waited := time.Since(began); waited != deadline {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestStorageThatFailsMakesNoKeys(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*keyringtest.Memory){
		"reading": func(m *keyringtest.Memory) { m.Fail(fs.ErrPermission, nil) },
		"writing": func(m *keyringtest.Memory) { m.Fail(nil, fs.ErrPermission) },
	} {
		storage := new(keyringtest.Memory)
		fail(storage)
		if set, err := start(t.Context(), keysIn(storage)); set != nil || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got %v, %v", name, set, err)
		}
	}
}
