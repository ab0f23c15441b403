package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// families are the tests of [store.Families].
func families() []scenario {
	return []scenario{
		{"a family comes back as it was kept", keepsFamily},
		{"of many who refresh at once one wins", oneRefreshWins},
		{"a deleted family is gone", deletesFamily},
		{"a family that is too large is refused", refusesLargeFamily},
		{"a family is read with the store's clock", readsClock},
		{"a call about a family whose context is done does nothing", familyContextDone},
		{"a closed store has no families", familyClosed},
	}
}

func newFamily(h Harness, id string) *store.Family {
	now := h.Now().UTC()
	return &store.Family{
		ID: id, Secret: [32]byte{1, 2, 3}, Serial: 1, Kind: store.Browser, Subject: "person", ACR: "high",
		AuthTime: now, Claims: `{"name":"Zoë"}`, CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
		Token: "header.payload.signature", AnsweredAt: now, PresentedAt: now.Add(1), ParentPresentedAt: now.Add(2),
		Repeats: [store.CountedRepeats]time.Time{now.Add(3), now.Add(4), now.Add(5)},
	}
}

// createFamily keeps a new family of the login "login".
func createFamily(t *testing.T, h Harness) *store.Family {
	t.Helper()
	f := newFamily(h, "login")
	keepFamily(t, h, f)
	return f
}

// keepFamily creates a family and fails the test if the store does not.
func keepFamily(t *testing.T, h Harness, f *store.Family) {
	t.Helper()
	if err := h.Store.CreateFamily(t.Context(), f); err != nil {
		t.Fatalf("creating a family: %v", err)
	}
}

// loadFamily returns that family, which must exist.
func loadFamily(t *testing.T, h Harness) *store.Family {
	t.Helper()
	f, err := h.Store.LoadFamily(t.Context(), "login")
	if err != nil {
		t.Fatalf("loading the family: %v", err)
	}
	return f
}

func keepsFamily(t *testing.T, h Harness) {
	s, f := h.Store, createFamily(t, h)
	if err := s.CreateFamily(t.Context(), newFamily(h, "login")); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating it again: %v", err)
	}
	loaded := loadFamily(t, h)
	f.ReadAt = loaded.ReadAt
	if diff := cmp.Diff(f, loaded); diff != "" || loaded.Version != 1 {
		t.Errorf("version %d (-kept +loaded):\n%s", loaded.Version, diff)
	}
	loaded.Serial++
	if err := s.UpdateFamily(t.Context(), loaded); err != nil || loaded.Version != 2 {
		t.Errorf("updating: version %d, %v", loaded.Version, err)
	}
	if err := s.UpdateFamily(t.Context(), f); !errors.Is(err, store.ErrConflict) {
		t.Errorf("updating an old version: %v", err)
	}
	if _, err := s.LoadFamily(t.Context(), "other"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading another: %v", err)
	}
	if err := s.UpdateFamily(t.Context(), newFamily(h, "other")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating another: %v", err)
	}
}

func oneRefreshWins(t *testing.T, h Harness) {
	createFamily(t, h)
	first := loadFamily(t, h)
	oneOf(t, store.ErrConflict, func(int) error {
		loaded := *first
		return h.Store.UpdateFamily(t.Context(), &loaded)
	})
}

func deletesFamily(t *testing.T, h Harness) {
	createFamily(t, h)
	for range 2 {
		if err := h.Store.DeleteFamily(t.Context(), "login"); err != nil {
			t.Errorf("deleting: %v", err)
		}
	}
	if _, err := h.Store.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading: %v", err)
	}
}

// familyCalls is one call of every method, on a family and by its name.
func familyCalls(s store.Families, f *store.Family) map[string]func(context.Context) error {
	created, updated := *f, *f
	created.ID = "new"
	return map[string]func(context.Context) error{
		"CreateFamily": func(ctx context.Context) error { return s.CreateFamily(ctx, &created) },
		"LoadFamily":   func(ctx context.Context) error { _, err := s.LoadFamily(ctx, f.ID); return err },
		"UpdateFamily": func(ctx context.Context) error { return s.UpdateFamily(ctx, &updated) },
		"DeleteFamily": func(ctx context.Context) error { return s.DeleteFamily(ctx, f.ID) },
	}
}

func familyContextDone(t *testing.T, h Harness) {
	s, f := h.Store, createFamily(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range familyCalls(s, f) {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
	if loaded := loadFamily(t, h); loaded.Version != 1 {
		t.Errorf("loading: %+v, want it as it was", loaded)
	}
	if _, err := s.LoadFamily(t.Context(), "new"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading the new one: %v, want %v", err, store.ErrNotFound)
	}
}

func familyClosed(t *testing.T, h Harness) {
	s, f := h.Store, createFamily(t, h)
	if err := h.Store.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	for name, call := range familyCalls(s, f) {
		if err := call(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

func refusesLargeFamily(t *testing.T, h Harness) {
	claims, token, most := newFamily(h, "claims"), newFamily(h, "token"), newFamily(h, "most")
	claims.Claims = strings.Repeat("x", store.MaxFamilySize)
	token.Token = strings.Repeat("x", store.MaxTokenSize+1)
	most.Token = strings.Repeat("x", store.MaxTokenSize)
	most.Claims = strings.Repeat("x", store.MaxFamilySize-1000)
	for name, f := range map[string]*store.Family{"large claims": claims, "large token": token, "nameless": newFamily(h, "")} {
		if err := h.Store.CreateFamily(t.Context(), f); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	keepFamily(t, h, most)
}

func readsClock(t *testing.T, h Harness) {
	createFamily(t, h)
	wantReadNow(t, h, func() time.Time { return loadFamily(t, h).ReadAt })
}

func familyExpires(t *testing.T, h Harness) {
	s := h.Store
	createFamily(t, h)
	h.Advance(23 * time.Hour)
	f := loadFamily(t, h)
	if err := s.UpdateFamily(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	h.Advance(2 * time.Hour)
	if _, err := s.LoadFamily(t.Context(), "login"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading: %v", err)
	}
	if err := s.UpdateFamily(t.Context(), f); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating: %v", err)
	}
	createFamily(t, h)
}
