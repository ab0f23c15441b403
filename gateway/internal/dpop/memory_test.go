package dpop

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/dpoptest"
)

// TestProofPassesOnce: a thief who saw a proof presents it as it is, for as long as it passes.
func TestProofPassesOnce(t *testing.T) {
	t.Parallel()
	for name, nonce := range map[string]bool{"by its iat": false, "by its nonce": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, key := newEnv(t), dpoptest.NewKey(t)
			start := e.now
			p := dpoptest.Proof{Method: "GET", URL: resource, At: e.now.Add(Window)}
			if nonce {
				p.Nonce = newNonce(e.keys.KeySet(), issuer, e.now)
			}
			raw, r := key.Sign(t, p), Request{Method: "GET", URL: resource}
			if _, err := e.pass(raw, r); err != nil {
				t.Fatal(err)
			}
			for ; e.now.Sub(start) < 2*NonceLifetime; e.now = e.now.Add(500 * time.Millisecond) {
				if _, err := e.pass(raw, r); err == nil || !errors.Is(err, ErrReplayed) && !errors.Is(err, ErrNonce) {
					t.Fatalf("after %s: %v", e.now.Sub(start), err)
				}
			}
			if _, err := e.pass(key.Sign(t, dpoptest.Proof{Method: "GET", URL: resource, At: e.now}), r); err != nil {
				t.Errorf("another proof: %v", err)
			}
			if n := e.Memory.used.ItemCount(); n != 1 || len(e.Memory.due) != 1 || len(e.Memory.keys) != 1 {
				t.Errorf("%d proofs of %d keys are remembered, want the last one", n, len(e.Memory.keys))
			}
		})
	}
}

// TestOneOfManyPasses: requests with one proof arrive together.
func TestOneOfManyPasses(t *testing.T) {
	t.Parallel()
	m, now := NewMemory(), time.Now()
	var passed atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if m.take("key", "id", now, now.Add(Window)) == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 1 {
		t.Errorf("%d passed, want 1", n)
	}
}

// TestOneKeyCannotFillTheMemory: a client with a login uses proof after proof. Other keys go on, and so does this one
// when its proofs are over.
func TestOneKeyCannotFillTheMemory(t *testing.T) {
	t.Parallel()
	m, now := NewMemory(), time.Now()
	until := now.Add(Window)
	for i := range MaxOfKey {
		if err := m.take("key", strconv.Itoa(i), now, until); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.take("key", "one more", now, until); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v, want %v", err, ErrTooMany)
	}
	if err := m.take("key", "0", now, until); !errors.Is(err, ErrReplayed) {
		t.Errorf("a replay at the bound: %v", err)
	}
	if err := m.take("other", "one more", now, until); err != nil {
		t.Errorf("another key: %v", err)
	}
	if err := m.take("key", "one more", until.Add(1), until.Add(Window)); err != nil {
		t.Errorf("later: %v", err)
	}
}

// TestFullMemoryRefuses: forgetting a proof to make room would let it pass again.
func TestFullMemoryRefuses(t *testing.T) {
	t.Parallel()
	m, now := newMemory(3), time.Now()
	for i := range 3 {
		if err := m.take(strconv.Itoa(i), "id", now, now.Add(Window)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.take("4", "id", now, now.Add(Window)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want %v", err, ErrFull)
	}
	for i := range 3 {
		if err := m.take(strconv.Itoa(i), "id", now, now.Add(Window)); !errors.Is(err, ErrReplayed) {
			t.Errorf("proof %d: %v", i, err)
		}
	}
	if err := m.take("4", "id", now.Add(Window+1), now.Add(2*Window)); err != nil {
		t.Errorf("later: %v", err)
	}
}

// TestRememberedProofIsSmall: the bound of the memory is a number of proofs, so each must be small.
func TestRememberedProofIsSmall(t *testing.T) {
	m, now := NewMemory(), time.Now()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const proofs = 100_000
	for i := range proofs {
		if err := m.take(strconv.Itoa(i%1000), strconv.Itoa(i), now, now.Add(Window)); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / proofs
	t.Logf("%d bytes for each remembered proof", each)
	if each > 200 {
		t.Errorf("%d bytes for each remembered proof, want at most 200", each)
	}
	runtime.KeepAlive(m)
}
