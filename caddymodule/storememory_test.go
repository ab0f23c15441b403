package caddymodule

import (
	"errors"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestMemoryStoreSurvivesReload opens the store of a gateway as a new configuration does, before
// the old one is cleaned up.
func TestMemoryStoreSurvivesReload(t *testing.T) {
	t.Parallel()
	before, after, other := new(MemoryStore), new(MemoryStore), new(MemoryStore)
	old := open(t, before, "survives")
	if open(t, other, "another") == old {
		t.Error("two gateways share a store")
	}
	kept := open(t, after, "survives")
	if kept != old {
		t.Fatal("the new configuration has another store")
	}
	cleanup(t, before)
	cleanup(t, other)
	if _, err := kept.Len(t.Context()); err != nil {
		t.Errorf("the store is closed while it is in use: %v", err)
	}
	cleanup(t, after)
	if _, err := kept.Len(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the store is open when no configuration uses it: %v", err)
	}
	cleanup(t, new(MemoryStore)) // never opened
}

func open(t *testing.T, m *MemoryStore, gateway string) store.Store {
	t.Helper()
	st, err := m.Open(gateway)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func cleanup(t *testing.T, m *MemoryStore) {
	t.Helper()
	if err := m.Cleanup(); err != nil {
		t.Fatal(err)
	}
}
