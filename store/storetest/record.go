package storetest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

func records() []scenario {
	return []scenario{
		{"a record comes back as it went in", comesBack},
		{"every field is kept", keepsEveryField},
		{"what was not set comes back not set", keepsZeroes},
		{"a record is never shared with the caller", sharesNothing},
		{"a record is read by the store's clock", readByTheStoresClock},
		{"an unknown ID is not found", unknownID},
		{"an ID that is taken is refused", takenID},
		{"an update with an old version changes nothing", oldVersion},
		{"what is too large or has no ID is refused", refusesInvalid},
	}
}

func comesBack(t *testing.T, h Harness) {
	r, evicted := create(t, h, "a", "client", roomy())
	if r.Version != 1 || len(evicted) != 0 {
		t.Errorf("created with version %d and evicted %q, want version 1 and none", r.Version, evicted)
	}
	if diff := cmp.Diff(r, kept(t, h, "a")); diff != "" {
		t.Errorf("loaded record differs (-created +loaded):\n%s", diff)
	}
	r.Phase, r.CodeHash, r.FirstPresented = store.Validating, [32]byte{1}, h.Now()
	update(t, h, r)
	if r.Version != 2 {
		t.Errorf("version after an update = %d, want 2", r.Version)
	}
	if diff := cmp.Diff(r, kept(t, h, "a")); diff != "" {
		t.Errorf("loaded record differs (-updated +loaded):\n%s", diff)
	}
}

// kept returns a record without the fields that Load sets.
func kept(t *testing.T, h Harness, id string) *store.Record {
	r := load(t, h, id)
	r.ReadAt = time.Time{}
	return r
}

func readByTheStoresClock(t *testing.T, h Harness) {
	create(t, h, "a", "client", roomy())
	wantReadNow(t, h, func() time.Time { return load(t, h, "a").ReadAt })
}

// wantReadNow compares what two loads say of the store's clock with the clock of the test. The clocks may differ by
// a minute.
func wantReadNow(t *testing.T, h Harness, readAt func() time.Time) {
	t.Helper()
	var last time.Time
	for range 2 {
		now := readAt()
		if off := now.Sub(h.Now()).Abs(); off > time.Minute || now.Before(last) {
			t.Errorf("read at %s after %s, and it is %s", now, last, h.Now())
		}
		last = now
	}
}

// keepsEveryField fills the record by reflection, so that a store's encoding cannot omit a later field.
func keepsEveryField(t *testing.T, h Harness) {
	r := NewRecord("a", "client", h.Now())
	fill(t, r, h.Now())
	r.ID, r.Version, r.ReadAt = "a", 0, time.Time{}
	keep(t, h, r, roomy())
	loaded := kept(t, h, "a")
	if diff := cmp.Diff(r, loaded); diff != "" {
		t.Errorf("loaded record differs (-created +loaded):\n%s", diff)
	}
	if loaded.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %v, want UTC", loaded.CreatedAt)
	}
}

// fill gives every field another value that is not zero.
func fill(t *testing.T, r *store.Record, now time.Time) {
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		field, serial := v.Field(i), i+1
		if v.Type().Field(i).Name == "Needs" {
			continue // has a test of its own
		}
		switch p := field.Addr().Interface().(type) {
		case *string:
			*p = strings.Repeat("é\x00", serial)
		case *time.Time:
			*p = now.Add(time.Duration(serial)*time.Hour + time.Nanosecond).In(time.FixedZone("", 3600))
		case *time.Duration:
			*p = time.Duration(serial) * time.Second
		case *store.Bytes32:
			p[31] = byte(serial)
		case *store.Members:
			*p = `{"later":1}`
		case *uint64:
			*p = 1<<63 + uint64(serial)
		case *bool:
			*p = true
		case *store.Kind:
			*p = store.Browser
		case *store.Phase:
			*p = store.Failed
		default:
			t.Fatalf("field %s has a type that the suite does not know", v.Type().Field(i).Name)
		}
	}
}

func keepsZeroes(t *testing.T, h Harness) {
	r := &store.Record{ID: "a", ExpiresAt: h.Now().Add(time.Minute).UTC()}
	keep(t, h, r, roomy())
	if diff := cmp.Diff(r, kept(t, h, "a")); diff != "" {
		t.Errorf("loaded record differs (-created +loaded):\n%s", diff)
	}
}

func sharesNothing(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	r.Phase, r.CookieHash[0], r.ReturnTo = store.Issued, 1, "/changed"
	loaded := load(t, h, "a")
	if loaded.Phase != store.Pending || loaded.CookieHash[0] != 0 || loaded.ReturnTo != "" {
		t.Error("changing a record after creating it changed the store")
	}
	loaded.Phase, loaded.CodeHash[0] = store.Issued, 1
	if again := load(t, h, "a"); again.Phase != store.Pending || again.CodeHash[0] != 0 {
		t.Error("changing a loaded record changed the store")
	}
}

func unknownID(t *testing.T, h Harness) {
	for _, id := range []string{"unknown", "", "a\x00", strings.Repeat("a", 1<<16)} {
		if _, err := h.Store.Load(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("loading an ID of %d bytes: %v, want %v", len(id), err, store.ErrNotFound)
		}
	}
	r := NewRecord("unknown", "client", h.Now())
	r.Version = 1
	if err := h.Store.Update(t.Context(), r); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating: %v, want %v", err, store.ErrNotFound)
	}
	wantLen(t, h, 0)
}

func takenID(t *testing.T, h Harness) {
	create(t, h, "a", "first", store.Bounds{Total: 1, PerClient: 1})
	second := NewRecord("a", "second", h.Now())
	evicted, err := h.Store.Create(t.Context(), second, store.Bounds{Total: 1, PerClient: 1})
	if !errors.Is(err, store.ErrExists) || len(evicted) != 0 || second.Version != 0 {
		t.Errorf("creating = %q, %v, version %d, want %v and no change", evicted, err, second.Version, store.ErrExists)
	}
	if got := load(t, h, "a").Client; got != "first" {
		t.Errorf("the record is now of %q", got)
	}
	wantLen(t, h, 1)
}

func oldVersion(t *testing.T, h Harness) {
	create(t, h, "a", "client", roomy())
	loser, winner := load(t, h, "a"), load(t, h, "a")
	winner.Reason = "winner"
	update(t, h, winner)
	loser.Reason = "loser"
	for _, version := range []uint64{1, 0, 3} {
		loser.Version = version
		if err := h.Store.Update(t.Context(), loser); !errors.Is(err, store.ErrConflict) || loser.Version != version {
			t.Errorf("updating version %d: %v, version now %d, want %v", version, err, loser.Version, store.ErrConflict)
		}
	}
	if got := load(t, h, "a"); got.Reason != "winner" || got.Version != 2 {
		t.Errorf("the record is %q at version %d, want the winner's at 2", got.Reason, got.Version)
	}
}

func refusesInvalid(t *testing.T, h Harness) {
	for name, change := range map[string]func(*store.Record){
		"no ID":                func(r *store.Record) { r.ID = "" },
		"a long link":          func(r *store.Record) { r.AuthorizationRequestURL += strings.Repeat("x", store.MaxRecordSize) },
		"a long address":       func(r *store.Record) { r.TokenRequestURL += strings.Repeat("x", store.MaxRecordSize) },
		"a long token":         func(r *store.Record) { r.Token = strings.Repeat("x", store.MaxTokenSize+1) },
		"a long way to return": func(r *store.Record) { r.ReturnTo = strings.Repeat("x", store.MaxRecordSize) },
	} {
		r := NewRecord("invalid", "client", h.Now())
		change(r)
		if _, err := h.Store.Create(t.Context(), r, roomy()); !errors.Is(err, store.ErrInvalid) || r.Version != 0 {
			t.Errorf("%s: creating: %v, want %v", name, err, store.ErrInvalid)
		}
	}
	wantLen(t, h, 0)

	r, _ := create(t, h, "a", "client", roomy())
	r.Token = strings.Repeat("x", store.MaxTokenSize)
	r.ReturnTo = strings.Repeat("x", store.MaxRecordSize/2)
	update(t, h, r)
	r.ReturnTo = strings.Repeat("x", store.MaxRecordSize)
	if err := h.Store.Update(t.Context(), r); !errors.Is(err, store.ErrInvalid) || r.Version != 2 {
		t.Errorf("updating: %v, want %v", err, store.ErrInvalid)
	}
}
