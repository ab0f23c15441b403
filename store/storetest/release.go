package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// releases are the tests of a store that two releases use side by side.
func releases() []scenario {
	return []scenario{
		{"what a newer release stored in a record is kept", keepsUnknown},
		{"what a newer release stored in a family is kept", keepsUnknownOfFamily},
		{"a record that needs a newer release is left alone", leavesNewer},
		{"a family that needs a newer release is left alone", leavesNewerFamily},
	}
}

// unknown has members of a newer release.
const unknown = `{"later":{"a":[1,"&"]},"more":"x"}`

// keepsUnknown reads a record of a newer release, changes it, and reads it again.
func keepsUnknown(t *testing.T, h Harness) {
	r := NewRecord("a", "client", h.Now())
	r.Unknown = unknown
	keep(t, h, r, roomy())
	for _, phase := range []store.Phase{store.Validating, store.Validated} {
		loaded := load(t, h, "a")
		loaded.Phase = phase
		update(t, h, loaded)
	}
	if got := load(t, h, "a"); got.Unknown != unknown || got.Phase != store.Validated || got.Challenge != r.Challenge {
		t.Errorf("in phase %v it has %s beside, want %s", got.Phase, got.Unknown, unknown)
	}
}

func keepsUnknownOfFamily(t *testing.T, h Harness) {
	f := newFamily(h, "login")
	f.Unknown = unknown
	keepFamily(t, h, f)
	for serial := range uint64(2) {
		loaded := loadFamily(t, h)
		loaded.Serial = serial + 10
		if err := h.Store.UpdateFamily(t.Context(), loaded); err != nil {
			t.Fatal(err)
		}
	}
	got := loadFamily(t, h)
	if got.Unknown != unknown || got.Serial != 11 || got.Claims != f.Claims {
		t.Errorf("with serial %d it has %s beside, want %s", got.Serial, got.Unknown, unknown)
	}
}

// leavesNewer reads a login that this release cannot handle. It must not be reported as missing: the client
// would start another.
func leavesNewer(t *testing.T, h Harness) {
	r := NewRecord("a", "client", h.Now())
	r.Needs = "later"
	keep(t, h, r, roomy())
	create(t, h, "b", "client", roomy())
	for range 2 {
		got, err := h.Store.Load(t.Context(), "a")
		if !errors.Is(err, store.ErrNewer) || !errors.Is(err, store.ErrUnavailable) || got != nil {
			t.Errorf("loading: %v, %v, want %v", got, err, store.ErrNewer)
		}
	}
	load(t, h, "b")
	wantLen(t, h, 2)
	if _, err := h.Store.Create(t.Context(), NewRecord("a", "client", h.Now()), roomy()); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating it again: %v, want %v", err, store.ErrExists)
	}
}

func leavesNewerFamily(t *testing.T, h Harness) {
	f := newFamily(h, "login")
	f.Needs = "later"
	keepFamily(t, h, f)
	for range 2 {
		got, err := h.Store.LoadFamily(t.Context(), "login")
		if !errors.Is(err, store.ErrNewer) || !errors.Is(err, store.ErrUnavailable) || got != nil {
			t.Errorf("loading: %v, %v, want %v", got, err, store.ErrNewer)
		}
	}
	f.ExpiresAt = f.ExpiresAt.Add(time.Hour)
	if err := h.Store.CreateFamily(t.Context(), f); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating it again: %v, want %v", err, store.ErrExists)
	}
}
