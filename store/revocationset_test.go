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
	added := []store.Listed{
		{Revocation: store.Revocation{Scope: store.ScopeToken, ID: "token", Until: until}, List: 1},
		{Revocation: store.Revocation{Scope: store.ScopeLogin, ID: "login", Until: until.Add(time.Nanosecond)}, List: 2},
		{Revocation: store.Revocation{Scope: store.ScopeSubject, ID: "subject", IssuedUntil: now, Until: until}, At: store.Mark{Epoch: "epoch", Number: 3}},
	}
	var set store.RevocationSet
	for _, v := range slices.Concat(added, added, []store.Listed{
		{Revocation: store.Revocation{Scope: store.ScopeToken, ID: "over", Until: now}},
		{Revocation: store.Revocation{Scope: store.ScopeToken, ID: "soon over", Until: now.Add(time.Second)}},
	}) {
		if err := set.Add(v, now); err != nil {
			t.Fatal(err)
		}
	}
	set.Sweep(now.Add(time.Second))
	got := slices.SortedFunc(set.All(), func(a, b store.Listed) int { return int(a.Scope) - int(b.Scope) })
	if diff := cmp.Diff(added, got); diff != "" {
		t.Errorf("All() differs (-added +got):\n%s", diff)
	}
	for range set.All() {
		break // a caller may stop
	}
}

// TestRevocationsOfOneIDAdd: whatever was revoked first, the set refuses what each revocation refuses. A mark
// spares a login only when the order of all of them is known, and includes the last.
func TestRevocationsOfOneIDAdd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 19, 8, 0, 0, 0, time.UTC)
	revoked := func(issued, until int, epoch string, number uint64, list uint32) store.Listed {
		return store.Listed{Revocation: store.Revocation{
			Scope: store.ScopeSubject, ID: "subject", IssuedUntil: now.Add(time.Duration(issued) * time.Second),
			Until: now.Add(time.Duration(until) * time.Hour),
		}, At: store.Mark{Epoch: epoch, Number: number}, List: list}
	}
	const one, other = "AAAAAAAA", "BBBBBBBB"
	for name, row := range map[string]struct {
		first, second store.Listed
		list          uint32
		spares        []string // marks
		refuses       []string
	}{
		"a later one reaches further":        {revoked(1, 1, one, 3, 7), revoked(2, 2, one, 4, 8), 8, []string{one + "4"}, []string{one + "3", ""}},
		"an earlier one is read afterwards":  {revoked(2, 2, one, 4, 8), revoked(1, 1, one, 3, 7), 8, []string{one + "4"}, []string{one + "3", ""}},
		"each refuses what the other spares": {revoked(2, 1, one, 3, 7), revoked(1, 2, one, 4, 8), 0, []string{one + "4"}, []string{one + "3"}},
		"the same once more":                 {revoked(1, 1, one, 3, 7), revoked(1, 1, one, 3, 7), 7, []string{one + "3"}, []string{one + "2"}},
		"the order of epochs is not known":   {revoked(1, 1, one, 3, 7), revoked(2, 2, other, 1, 8), 8, nil, []string{one + "9", other + "9"}},
		"without a place":                    {revoked(1, 1, "", 0, 7), revoked(1, 1, one, 3, 7), 7, []string{one + "3"}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set store.RevocationSet
			for _, v := range []store.Listed{row.first, row.second} {
				if err := set.Add(v, now); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range []store.Listed{row.first, row.second} {
				if !set.Includes(v.Revocation) {
					t.Errorf("the set does not include %+v", v)
				}
			}
			if got, ok := set.Find(store.ScopeSubject, "subject"); !ok || got.List != row.list {
				t.Errorf("it is in list %d, %t, want %d", got.List, ok, row.list)
			}
			covers := func(mark string) bool {
				c := store.Credential{Subject: "subject", IssuedAt: now, Mark: mark}
				return set.Covers(c, func() time.Time { return now })
			}
			for _, mark := range row.spares {
				if covers(mark) {
					t.Errorf("a login with the mark %q is refused", mark)
				}
			}
			for _, mark := range row.refuses {
				if !covers(mark) {
					t.Errorf("a login with the mark %q is spared", mark)
				}
			}
		})
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
