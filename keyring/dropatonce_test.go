package keyring

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/keyring/keyringtest"
)

// steps is a storage in which another replica works at one step of a replica: before or after the replica
// reads, changes or has changed a document. The zero step is none.
type steps struct {
	*keyringtest.Memory
	taken, at int
	work      func()
}

func (s *steps) step() {
	if s.taken++; s.taken == s.at {
		s.work()
	}
}

func (s *steps) Read(ctx context.Context, document string) ([]byte, error) {
	s.step()
	defer s.step()
	return s.Memory.Read(ctx, document)
}

func (s *steps) Update(ctx context.Context, document string, change func([]byte) ([]byte, error)) error {
	defer s.step()
	return s.Memory.Update(ctx, document, func(held []byte) ([]byte, error) {
		s.step()
		defer s.step()
		return change(held)
	})
}

// TestDropAndAnotherReplicaAtOnce drops all keys while another replica reads and makes keys, at every step
// of the one and of the other. The drop succeeds, and both replicas go on with the same new keys.
func TestDropAndAnotherReplicaAtOnce(t *testing.T) {
	t.Parallel()
	for name, interrupted := range map[string]bool{"the drop is interrupted": true, "the other replica is interrupted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := 1
			for at := 1; at <= last; at++ {
				last = dropAtOnce(t, interrupted, at)
			}
			if last < 10 {
				t.Errorf("there were %d steps", last)
			}
		})
	}
}

// dropAtOnce returns how many steps the interrupted replica took.
func dropAtOnce(t *testing.T, interruptDrop bool, at int) (taken int) {
	t.Helper()
	store := &steps{Memory: new(keyringtest.Memory)}
	open := func(store Storage) *replica {
		r := &replica{keys: replicaOf(store, new(keyringtest.Memory))}
		r.manager = manage(r.keys, &r.inForce)
		if err := r.manager.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	drops, other := open(store), open(store.Memory)
	if !interruptDrop {
		drops, other = other, drops
	}
	before := publishedIDs(t, drops.inForce.KeySet())
	first := func() {
		if _, err := drops.manager.Drop(t.Context(), []string{EveryKey}); err != nil {
			t.Errorf("step %d: the drop: %v", at, err)
		}
	}
	second := func() {
		if _, err := other.keys.Tend(t.Context()); err != nil {
			t.Errorf("step %d: the other replica: %v", at, err)
		}
	}
	if !interruptDrop {
		first, second = second, first
	}
	store.taken, store.at, store.work = 0, at, second
	first()
	taken = store.taken
	for _, r := range []*replica{drops, other} {
		r.manager.refreshOnce(t.Context())
		for kid := range publishedIDs(t, r.inForce.KeySet()) {
			if before[kid] {
				t.Errorf("step %d: the dropped key %s is in force", at, kid)
			}
		}
	}
	if got, want := fmt.Sprint(publishedIDs(t, other.inForce.KeySet())), fmt.Sprint(publishedIDs(t, drops.inForce.KeySet())); got != want || drops.signing() == "" {
		t.Errorf("step %d: in force are %s and %s", at, want, got)
	}
	return taken
}
