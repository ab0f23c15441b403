package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// grain is the distance from an instant at which the suite checks: stores may count in milliseconds, and
// sweep every few seconds.
const grain = 10 * time.Second

func retention() []scenario {
	return []scenario{
		{"a record is kept for a while after its expiry", keptAfterExpiry},
		{"a record is kept for a while after its end", keptAfterEnd},
		{"a late end keeps a record longer", keptAfterLateEnd},
		{"a browser's ended record is kept reduced until its expiry", keptReduced},
		{"a record that expired does not count", expiredDoesNotCount},
		{"a finish may end after the expiry", endsAfterExpiry},
		{"a forgotten ID can be used again", usedAgain},
		{"a remembered value is forgotten", rememberedForgotten},
		{"a refused event is allowed after the wait that the store named", allowedAfterWait},
		{"a limit is whole again after its window", limitRecovers},
		{"events come at the rate of the limit", eventsAtRate},
		{"a revocation is forgotten when it is over", revocationForgotten},
		{"a login that ended is not withdrawn", loginForgotten},
		{"a family ends when it expires", familyExpires},
	}
}

// wantForgotten fails the test if a record can be read or changed.
func wantForgotten(t *testing.T, h Harness, r *store.Record) {
	t.Helper()
	if _, err := h.Store.Load(t.Context(), r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loading: %v, want %v", err, store.ErrNotFound)
	}
	changed := *r
	if err := h.Store.Update(t.Context(), &changed); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("updating: %v, want %v", err, store.ErrNotFound)
	}
	wantLen(t, h, 0)
}

func keptAfterExpiry(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	h.Advance(r.ExpiresAt.Sub(h.Now()) + store.Retention - grain)
	if got := load(t, h, "a").Phase; got != store.Pending {
		t.Errorf("phase = %v, want it as it was", got)
	}
	h.Advance(2 * grain)
	wantForgotten(t, h, r)
}

func keptAfterEnd(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	h.Advance(time.Minute)
	r.Phase, r.EndedAt = store.Issued, h.Now()
	update(t, h, r)
	h.Advance(store.Retention - grain)
	load(t, h, "a")
	h.Advance(2 * grain)
	wantForgotten(t, h, r)
}

func keptAfterLateEnd(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	h.Advance(r.ExpiresAt.Sub(h.Now()) + store.Retention - grain)
	r.Phase, r.EndedAt = store.Expired, h.Now()
	update(t, h, r)
	h.Advance(store.Retention - grain)
	load(t, h, "a")
	h.Advance(2 * grain)
	wantForgotten(t, h, r)
}

// keptReduced: a browser that opens its finished callback again finds its record, and no store still has the
// token then.
func keptReduced(t *testing.T, h Harness) {
	r := NewRecord("a", "client", h.Now())
	r.Kind, r.CookieHash, r.ReturnTo, r.Fragment = store.Browser, store.Bytes32{1}, "/account", true
	keep(t, h, r, roomy())
	h.Advance(time.Minute)
	r.Phase, r.EndedAt, r.Token, r.TokenID, r.Subject, r.CodeHash = store.Issued, h.Now(), "token", "login.1", "user", store.Bytes32{2}
	update(t, h, r)
	h.Advance(store.Retention - grain)
	if got := load(t, h, "a"); got.Token != "token" || got.Subject != "user" {
		t.Errorf("while its answer is repeated, the record has the token %q and the user %q", got.Token, got.Subject)
	}
	h.Advance(2 * grain)
	got := load(t, h, "a")
	if got.Phase != store.Issued || got.CookieHash != r.CookieHash || got.ReturnTo != "/account" || !got.Fragment || got.TokenID != "login.1" || got.LoA != r.LoA {
		t.Errorf("the reduced record lacks what a browser needs: %+v", got)
	}
	if got.Token != "" || got.Subject != "" || got.CodeHash != (store.Bytes32{}) || got.AuthorizationRequestURL != "" || got.SignicatID != "" {
		t.Errorf("the reduced record has more than a browser needs: %+v", got)
	}
	wantLen(t, h, 0)
	h.Advance(r.ExpiresAt.Sub(h.Now()) + grain)
	wantForgotten(t, h, r)
}

func expiredDoesNotCount(t *testing.T, h Harness) {
	b := store.Bounds{Total: 2, PerClient: 2}
	r, _ := create(t, h, "a", "client", b)
	create(t, h, "b", "client", b)
	h.Advance(r.ExpiresAt.Sub(h.Now()) + grain)
	wantLen(t, h, 0)
	wantEvicted(t, h, "c", "client", b)
	wantEvicted(t, h, "d", "client", b)
	load(t, h, "a")
	wantLen(t, h, 2)
}

// endsAfterExpiry validates the code in time, and reads the session too late.
func endsAfterExpiry(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	r.Phase, r.FirstPresented = store.Validated, h.Now()
	update(t, h, r)
	h.Advance(r.ExpiresAt.Sub(h.Now()) + grain)
	r.Phase, r.EndedAt = store.Issued, h.Now()
	update(t, h, r)
	if got := load(t, h, "a").Phase; got != store.Issued {
		t.Errorf("phase = %v, want issued", got)
	}
	h.Advance(store.Retention + grain)
	wantForgotten(t, h, r)
}

func usedAgain(t *testing.T, h Harness) {
	b := store.Bounds{Total: 1, PerClient: 1}
	first, _ := create(t, h, "a", "client", b)
	h.Advance(first.ExpiresAt.Sub(h.Now()) + store.Retention + grain)
	wantEvicted(t, h, "a", "client", b)
	if got := load(t, h, "a"); got.Version != 1 || !got.CreatedAt.After(first.CreatedAt) {
		t.Errorf("loaded version %d of %v, want the new record", got.Version, got.CreatedAt)
	}
	wantLen(t, h, 1)
}

func rememberedForgotten(t *testing.T, h Harness) {
	const ttl = time.Minute
	remember(t, h, "key", "first", ttl)
	h.Advance(ttl - grain)
	if got := remember(t, h, "key", "second", ttl); got != "first" {
		t.Errorf("remembered %q, want the first", got)
	}
	h.Advance(2 * grain)
	if got := recall(t, h, "key"); got != "" {
		t.Errorf("recalled %q after its time", got)
	}
	if got := remember(t, h, "key", "third", ttl); got != "third" {
		t.Errorf("remembered %q, want the third: the second must not have prolonged the first", got)
	}
}

func allowedAfterWait(t *testing.T, h Harness) {
	const limit, window = 3, 3 * time.Minute
	for range limit {
		allow(t, h, "key", limit, window)
	}
	wait := allow(t, h, "key", limit, window)
	if wait <= grain {
		t.Fatalf("the event over the limit waits %v, want more than %v", wait, grain)
	}
	h.Advance(wait - grain)
	again := allow(t, h, "key", limit, window)
	if again <= 0 || again > grain {
		t.Errorf("shortly before, it waits %v, want up to %v", again, grain)
	}
	h.Advance(again)
	if wait := allow(t, h, "key", limit, window); wait != 0 {
		t.Errorf("after the wait that the store named, it waits %v", wait)
	}
}

func limitRecovers(t *testing.T, h Harness) {
	const limit, window = 3, 3 * time.Minute
	for range 2 {
		for i := range limit {
			if wait := allow(t, h, "key", limit, window); wait != 0 {
				t.Errorf("event %d waits %v", i, wait)
			}
		}
		if wait := allow(t, h, "key", limit, window); wait == 0 {
			t.Error("an event over the limit is allowed")
		}
		h.Advance(window + grain)
	}
}

func eventsAtRate(t *testing.T, h Harness) {
	const limit, window = 6, 6 * time.Minute
	allowed := 0
	for range 60 { // every ten seconds, for ten minutes
		if allow(t, h, "key", limit, window) == 0 {
			allowed++
		}
		h.Advance(10 * time.Second)
	}
	// The first six, and one more in each minute that passed.
	if want := limit + 9; allowed != want {
		t.Errorf("%d events allowed, want %d", allowed, want)
	}
}

func revocationForgotten(t *testing.T, h Harness) {
	for i := range 200 {
		revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: strconv.Itoa(i), Until: h.Now().Add(time.Minute)})
	}
	longer := store.Revocation{Scope: store.ScopeToken, ID: "0", Until: h.Now().Add(time.Hour)}
	revoke(t, h, longer)
	h.Advance(time.Minute - grain)
	wantRevoked(t, h, "shortly before", store.Credential{TokenID: "1"}, true)
	h.Advance(2 * grain)
	wantRevoked(t, h, "shortly after", store.Credential{TokenID: "1"}, false)
	wantRevoked(t, h, "the one that was prolonged", store.Credential{TokenID: "0"}, true)
	h.Advance(time.Hour)
	wantRevoked(t, h, "the prolonged one after", store.Credential{TokenID: "0"}, false)
}
