package redis_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
)

var _ keyring.Storage = redis.Documents{}

// TestDocuments runs the suite of the keys' storage on every kind of server.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) string{
		"miniredis": func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"server":    func(t *testing.T) string { return redistest.Start(t).Address },
		"Cluster":   func(t *testing.T) string { return redistest.StartNode(t).Address },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := start(t)
			other := config(address)
			other.Prefix = "itsme:other"
			keyringtest.Run(t, func() keyringtest.Storage { return open(t, config(address)).Documents() }, open(t, other).Documents())
		})
	}
}

// TestReplicasThatStartAtOnceMakeOneSet has many replicas, each with an empty folder of its own, find a Redis that
// has no keys. Tokens of one must be good at every other.
func TestReplicasThatStartAtOnceMakeOneSet(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	const replicas = 6
	signing := make(chan string, replicas)
	for range replicas {
		st := open(t, config(address))
		go func() {
			state, err := keysIn(st, new(keyringtest.Memory)).Tend(context.Background())
			if err != nil {
				t.Errorf("making keys: %v", err)
			}
			key, _ := state.Set().Signing(rotation, time.Now())
			signing <- key.ID
		}()
	}
	first := <-signing
	for range replicas - 1 {
		if kid := <-signing; kid != first || kid == "" {
			t.Errorf("%q and %q sign", first, kid)
		}
	}
}

var rotation = keyring.Rotation{Algorithm: "ES256", Every: 30 * 24 * time.Hour, Longest: 8 * time.Hour}

// keysIn are the keys of a gateway in the store, with a copy.
func keysIn(st *redis.Store, folder keyring.Storage) *keyring.Keyring {
	return &keyring.Keyring{
		Owner:    keyring.Owner{Gateway: "default", Issuer: "https://app.example.be", Prefix: "itsme:default"},
		Rotation: rotation, Store: st.Documents(), Storage: folder, InStore: true, StoreID: st.ID,
		Memory: new(keyring.Memory), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
}

// TestDumpShowsNoKey: an attacker who reads Redis must not be able to sign.
func TestDumpShowsNoKey(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	state, err := keysIn(open(t, config(s.Address)), new(keyringtest.Memory)).Tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := dump(t, admin(t, s.Address))
	for _, key := range state.Set().Keys {
		for name, value := range held {
			for _, text := range []string{key.ID, "PRIVATE", strings.Split(key.PrivateKey, "\n")[1], "app.example.be"} {
				if strings.Contains(name+" "+value, text) {
					t.Errorf("%s shows %q", name, text)
				}
			}
		}
	}
	wantExpiring(t, admin(t, s.Address), 400*24*time.Hour)
}

// TestDocumentOpensInItsOwnPlaceAlone: an attacker who may write to Redis moves sealed documents, changes
// their version or their bytes, or has those of another prefix or secret. None is taken for this gateway's.
func TestDocumentOpensInItsOwnPlaceAlone(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	client := admin(t, address)
	st := open(t, config(address)).Documents()
	write := func(d redis.Documents, name, text string) {
		if err := d.Update(t.Context(), name, func([]byte) ([]byte, error) { return []byte(text), nil }); err != nil {
			t.Fatal(err)
		}
	}
	write(st, keyring.KeysDocument, "one")
	write(st, keyring.KeysDocument, "two")
	write(st, keyring.DroppedDocument, "other")
	otherPrefix, otherSecret := config(address), config(address)
	otherPrefix.Prefix, otherSecret.Prefix = "itsme:other", "itsme:secret"
	otherSecret.Secret = bytes.Repeat([]byte("x"), redis.MinSecret)
	write(open(t, otherPrefix).Documents(), keyring.KeysDocument, "theirs")
	const place = "{itsme:default}:keyring:keys"
	get := func(key string) string {
		held, err := do(t, client, "GET", key).ToString()
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return held
	}
	mine := get(place)
	for name, held := range map[string]string{
		"another document":   get("{itsme:default}:keyring:dropped"),
		"another gateway's":  get("{itsme:other}:keyring:keys"),
		"of another version": "9" + mine[1:],
		"with another byte":  mine[:len(mine)-1] + string(mine[len(mine)-1]^1),
		"without a version":  mine[1:],
		"empty":              "",
		"cut":                mine[:20],
	} {
		do(t, client, "SET", place, held)
		called := false
		change := func([]byte) ([]byte, error) { called = true; return []byte("mine"), nil }
		if err := st.Update(t.Context(), keyring.KeysDocument, change); !errors.Is(err, redis.ErrUnreadable) || !errors.Is(err, store.ErrUnavailable) || called {
			t.Errorf("%s: changing it: %v", name, err)
		}
		if got, err := st.Read(t.Context(), keyring.KeysDocument); !errors.Is(err, redis.ErrUnreadable) || got != nil {
			t.Errorf("%s: it is read as %q, %v", name, got, err)
		}
	}
	do(t, client, "SET", place, mine)
	wantText(t, st, "two")
	// Under another secret nothing opens, whatever the prefix.
	do(t, client, "SET", "{itsme:secret}:keyring:keys", mine)
	if got, err := open(t, otherSecret).Documents().Read(t.Context(), keyring.KeysDocument); !errors.Is(err, redis.ErrUnreadable) {
		t.Errorf("under another secret it is read as %q, %v", got, err)
	}
}

func wantText(t *testing.T, d redis.Documents, want string) {
	t.Helper()
	if got, err := d.Read(t.Context(), keyring.KeysDocument); err != nil || string(got) != want {
		t.Errorf("the document is %q, %v, want %q", got, err, want)
	}
}

// TestDocumentUnderContentionGivesUp: replicas that change a document all the time hold up no caller for ever.
func TestDocumentUnderContentionGivesUp(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	one, other := open(t, config(address)).Documents(), open(t, config(address)).Documents()
	var n atomic.Int64
	err := one.Update(t.Context(), keyring.KeysDocument, func([]byte) ([]byte, error) {
		text := []byte(strings.Repeat("x", int(n.Add(1))))
		return append(text, 'y'), other.Update(t.Context(), keyring.KeysDocument, func([]byte) ([]byte, error) { return text, nil })
	})
	if !errors.Is(err, store.ErrUnavailable) || n.Load() > 100 {
		t.Errorf("after %d attempts: %v", n.Load(), err)
	}
}

// TestDocumentsWithoutRedis: a call fails within its time.
func TestDocumentsWithoutRedis(t *testing.T) {
	t.Parallel()
	c := config("127.0.0.1:1")
	c.Timeout = 50 * time.Millisecond
	d := open(t, c).Documents()
	if _, err := d.Read(t.Context(), keyring.KeysDocument); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("reading: %v", err)
	}
	if err := d.Update(t.Context(), keyring.KeysDocument, func([]byte) ([]byte, error) { return nil, nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("changing: %v", err)
	}
}

// TestIDTellsStoresApart: sets of keys are merged by it. It is known when the store has answered.
func TestIDTellsStoresApart(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	prefix, secret := config(address), config(redistest.Start(t).Address)
	prefix.Prefix, secret.Secret = "itsme:other", bytes.Repeat([]byte("x"), redis.MinSecret)
	idOf := func(c redis.Config) string {
		st := open(t, c)
		if id := st.ID(); id != "" {
			t.Errorf("the ID is %q before the store has answered", id)
		}
		wantReady(t, "the store", st)
		return st.ID()
	}
	id := idOf(config(address))
	if again := idOf(config(address)); again != id || id == "" {
		t.Errorf("the same prefix and secret have the IDs %q and %q", id, again)
	}
	if idOf(prefix) == id || idOf(secret) == id {
		t.Error("another prefix or secret has the same ID")
	}
}
