package caddymodule

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/token"
)

// halfDaily rotates fast enough for a test that reads every minute.
var halfDaily = rotation{algorithm: token.ES256, every: 12 * time.Hour, longest: 8 * time.Hour}

// kept is a replica that runs in a bubble.
type kept struct {
	storage failingStorage
	store   keyStore
	ring    token.Ring
	log     safeBuffer
}

// keepIn runs a replica with that file storage until the bubble's test ends.
func keepIn(t *testing.T, files *certmagic.FileStorage) *kept {
	t.Helper()
	k := new(kept)
	k.storage.Storage = files
	k.store = keyStore{
		storage: &k.storage, gateway: "default", rotation: halfDaily,
		now: time.Now, log: slog.New(slog.NewTextHandler(&k.log, nil)),
	}
	keeper := keyKeeper{store: k.store, force: k.ring.Set, failed: func() {}, changed: func(string) {}}
	if err := keeper.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { keeper.run(ctx) })
	t.Cleanup(func() {
		stop()
		run.Wait()
		pass(time.Minute) // the storage notices that its locks are released
	})
	return k
}

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// stored is what is in storage.
func (k *kept) stored(t *testing.T) storedKeys {
	t.Helper()
	stored, err := k.store.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestKeysRotateByThemselves(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		one, other := keepIn(t, files), keepIn(t, files)
		first := one.ring.KeySet().Current().ID()
		next := one.stored(t).Keys[1].ID
		pass(halfDaily.every - time.Minute)
		if got := one.ring.KeySet().Current().ID(); got != first {
			t.Errorf("%s signs too early", got)
		}
		pass(2 * time.Minute)
		for _, k := range []*kept{one, other} {
			if got := k.ring.KeySet().Current().ID(); got != next {
				t.Errorf("%s signs, not %s", got, next)
			}
			if want := "another signing key took over"; strings.Count(k.log.String(), want) != 1 || !strings.Contains(k.log.String(), next) {
				t.Errorf("the log does not tell: %s", &k.log)
			}
		}
		if diff := cmp.Diff(string(one.ring.KeySet().JWKS()), string(other.ring.KeySet().JWKS())); diff != "" {
			t.Errorf("replicas publish different keys:\n%s", diff)
		}
		if n := len(publishedIDs(t, one.ring.KeySet())); n != 3 {
			t.Errorf("%d keys are published, not previous, current and next", n)
		}
		pass(halfDaily.longest + keyMargin + time.Minute)
		if publishedIDs(t, one.ring.KeySet())[first] {
			t.Error("the previous key stays when its last token has expired")
		}
		for _, key := range one.stored(t).Keys {
			if strings.Contains(one.log.String()+other.log.String(), strings.Split(key.PrivateKey, "\n")[1]) {
				t.Error("the log tells a key")
			}
		}
	})
}

func TestKeysThatOthersChangedAreSeen(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		k := keepIn(t, files)
		pass(keyLead)
		operator := k.store
		rotated, err := operator.update(t.Context(), operator.rotated)
		if err != nil {
			t.Fatal(err)
		}
		pass(rereadEvery)
		want := make(map[string]bool)
		for _, key := range rotated.Keys {
			want[key.ID] = true
		}
		if diff := cmp.Diff(want, publishedIDs(t, k.ring.KeySet())); diff != "" {
			t.Errorf("published keys (-want +got):\n%s", diff)
		}
		if got := k.ring.KeySet().Current().ID(); got != rotated.Keys[1].ID {
			t.Errorf("%s signs, not %s", got, rotated.Keys[1].ID)
		}
	})
}

func TestKeysGoOnWithoutStorage(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		k := keepIn(t, files)
		next := k.stored(t).Keys[1].ID
		k.away(true)
		pass(halfDaily.every + time.Minute)
		if got := k.ring.KeySet().Current().ID(); got != next {
			t.Errorf("%s signs, not %s", got, next)
		}
		if !strings.Contains(k.log.String(), "signing keys could not be read or changed; the last known go on") {
			t.Errorf("the log does not tell: %s", &k.log)
		}
		k.away(false)
		pass(2 * rereadEvery)
		if n := len(k.stored(t).Keys); n != 3 {
			t.Errorf("%d keys are stored, not previous, current and next", n)
		}
	})
}

// away makes reading fail, and so changing.
func (k *kept) away(away bool) { k.storage.away.Store(away) }

// TestKeysThatVanishAreNotReplaced takes a storage that is not mounted for a while: keys that a
// replica made then would log everybody out.
func TestKeysThatVanishAreNotReplaced(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		k := keepIn(t, files)
		before := k.ring.KeySet()
		file := files.Filename(k.store.key())
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, damage := range map[string]func() error{
			"gone from storage": func() error { return os.Remove(file) },
			"damaged":           func() error { return os.WriteFile(file, []byte("{"), 0o600) },
		} {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			pass(2 * rereadEvery)
			if k.ring.KeySet() != before {
				t.Errorf("keys that are %s are not used any more", name)
			}
			if !strings.Contains(k.log.String(), name) {
				t.Errorf("the log does not tell that they are %s", name)
			}
			if left, err := os.ReadFile(file); err == nil && string(left) != "{" {
				t.Errorf("keys that are %s were replaced", name)
			}
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			pass(2 * rereadEvery)
		}
	})
}

func TestKeepingKeysEndsWhileItWaitsForTheLock(t *testing.T) {
	t.Parallel()
	files := &certmagic.FileStorage{Path: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		storage := &sharedStorage{FileStorage: files, free: make(chan struct{}, 1)}
		var log safeBuffer
		keeper := keyKeeper{
			store:  keyStore{storage: storage, gateway: "default", rotation: halfDaily, now: time.Now, log: slog.New(slog.NewTextHandler(&log, nil))},
			force:  func(*token.KeySet) {},
			failed: func() {}, changed: func(string) {},
		}
		if err := keeper.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := storage.Lock(t.Context(), "by another replica"); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { keeper.run(ctx) })
		pass(halfDaily.every + time.Second)
		began := time.Now()
		stop()
		run.Wait()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it ended after %v", waited)
		}
		if strings.Contains(log.String(), "ERROR") {
			t.Errorf("ending is taken for a failure: %s", &log)
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
