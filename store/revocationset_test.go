package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// TestAllRevocations: what comes out of a set, put into another, refuses the same.
func TestAllRevocations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)
	until := now.Add(time.Hour)
	added := []store.Revocation{
		{Scope: store.ScopeToken, ID: "token", Until: until},
		{Scope: store.ScopeLogin, ID: "login", Until: until.Add(time.Nanosecond)},
		{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: now, Until: until},
	}
	var set store.RevocationSet
	for _, v := range slices.Concat(added, added, []store.Revocation{
		{Scope: store.ScopeToken, ID: "over", Until: now},
		{Scope: store.ScopeToken, ID: "soon over", Until: now.Add(time.Second)},
	}) {
		if err := set.Add(v, store.Mark{}, now); err != nil {
			t.Fatal(err)
		}
	}
	set.Sweep(now.Add(time.Second))
	got := slices.SortedFunc(set.All(), func(a, b store.Revocation) int { return int(a.Scope) - int(b.Scope) })
	if diff := cmp.Diff(added, got); diff != "" {
		t.Errorf("All() differs (-added +got):\n%s", diff)
	}
	for range set.All() {
		break // a caller may stop
	}
}

// TestEncodedRecordOutsideOfTheProcess: what another store keeps is bounded as here.
func TestEncodedRecordOutsideOfTheProcess(t *testing.T) {
	t.Parallel()
	r := &store.Record{ID: "a", Kind: store.App, ExpiresAt: time.Unix(1, 0).UTC()}
	data, err := store.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	got.ID = r.ID // the store's key
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("decoded record differs (-encoded +decoded):\n%s", diff)
	}
	r.ReturnTo = strings.Repeat("x", store.MaxRecordSize)
	if _, err := store.Encode(r); err == nil {
		t.Error("a record larger than MaxRecordSize is encoded")
	}
}
