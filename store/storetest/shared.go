package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// RunShared runs the tests of a store that several replicas share, with
// [Harness.Replica] as the second of two.
func RunShared(t *testing.T, setup Setup) { run(t, setup, shared) }

func shared() []scenario {
	return []scenario{
		{"a login goes on at another replica", goesOnElsewhere},
		{"of finishes at two replicas one wins", oneFinishes},
		{"a lapsed lease is taken over at another replica", takenOverElsewhere},
		{"the bound of a client holds over both replicas", boundHoldsOverBoth},
		{"events are counted over both replicas", countedOverBoth},
		{"a value remembered at both is one", rememberedAtBoth},
		{"a revocation reaches the other replica within a second", revocationReaches},
		{"logins are enrolled at both replicas", enrolledAtBoth},
	}
}

// at returns the harness of one replica or the other.
func (h Harness) at(i int) Harness {
	if i%2 == 1 {
		h.Store = h.Replica
	}
	return h
}

func goesOnElsewhere(t *testing.T, h Harness) {
	r, _ := create(t, h, "a", "client", roomy())
	there := load(t, h.at(1), "a")
	there.Phase, there.FirstPresented = store.Validating, h.Now()
	update(t, h.at(1), there)
	if err := h.Store.Update(t.Context(), r); !errors.Is(err, store.ErrConflict) {
		t.Errorf("updating where it began: %v, want %v", err, store.ErrConflict)
	}
	end(t, h, "a", store.Issued)
	if got := load(t, h.at(1), "a"); got.Phase != store.Issued || got.Version != 3 {
		t.Errorf("version %d in phase %v, want 3 and issued", got.Version, got.Phase)
	}
}

func oneFinishes(t *testing.T, h Harness) {
	seen, _ := create(t, h, "a", "client", roomy())
	oneOf(t, store.ErrConflict, func(i int) error {
		claim := *seen
		claim.Phase, claim.FirstPresented, claim.Reason = store.Validating, h.Now(), strconv.Itoa(i)
		return h.at(i).Store.Update(t.Context(), &claim)
	})
}

func takenOverElsewhere(t *testing.T, h Harness) {
	slept, _ := create(t, h, "a", "client", roomy())
	slept.Phase, slept.FirstPresented = store.Validating, h.Now()
	slept.Fence, slept.LeaseUntil = 1, h.Now().Add(-time.Second)
	update(t, h, slept)
	heir := load(t, h.at(1), "a")
	heir.Fence, heir.LeaseUntil = heir.Fence+1, h.Now().Add(30*time.Second)
	update(t, h.at(1), heir)
	slept.Phase = store.Validated
	if err := h.Store.Update(t.Context(), slept); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the first holder's update: %v, want %v", err, store.ErrConflict)
	}
	if got := load(t, h, "a"); got.Fence != 2 {
		t.Errorf("fence = %d, want the heir's", got.Fence)
	}
}

// boundHoldsOverBoth has ten clients start at both replicas at once, a few times: a record is evicted while it is created,
// and evicts others while it is.
func boundHoldsOverBoth(t *testing.T, h Harness) {
	const clients, rounds = 10, 20
	b := store.Bounds{Total: 1000, PerClient: 2}
	for round := range rounds {
		name := func(i int) string { return strconv.Itoa(round*rivals + i) }
		together(func(i int) {
			r := NewRecord(name(i), strconv.Itoa(round*clients+i%clients), h.Now())
			if _, err := h.at(i).Store.Create(t.Context(), r, b); err != nil {
				t.Errorf("creating: %v", err)
			}
		})
		held := make(map[string]int)
		for i := range rivals {
			r, err := h.at(i).Store.Load(t.Context(), name(i))
			switch {
			case err == nil:
				held[r.Client]++
			case !errors.Is(err, store.ErrNotFound):
				t.Errorf("loading: %v", err)
			}
		}
		for client, n := range held {
			if n != b.PerClient {
				t.Errorf("client %s holds %d records, want %d", client, n, b.PerClient)
			}
		}
		if len(held) != clients {
			t.Errorf("%d clients hold records, want %d", len(held), clients)
		}
		if !h.Approximate {
			wantLen(t, h, (round+1)*clients*b.PerClient)
			wantLen(t, h.at(1), (round+1)*clients*b.PerClient)
		}
	}
}

func countedOverBoth(t *testing.T, h Harness) { wantAllCounted(t, h.at) }

func rememberedAtBoth(t *testing.T, h Harness) {
	if got := remember(t, h, "key", "here", time.Hour); got != "here" {
		t.Errorf("remembered %q here", got)
	}
	if got := remember(t, h.at(1), "key", "there", time.Hour); got != "here" {
		t.Errorf("remembered %q there, want what is remembered here", got)
	}
}

// revocationReaches checks answers later than a second after the revocation: a busy machine may be late, but
// then it must not answer.
func revocationReaches(t *testing.T, h Harness) {
	token := store.Credential{TokenID: "token"}
	wantRevoked(t, h.at(1), "before", token, false)
	revoke(t, h, store.Revocation{Scope: store.ScopeToken, ID: "token"})
	begin := time.Now()
	wantRevoked(t, h, "where it was revoked", token, true)
	for {
		late := time.Since(begin) > time.Second
		revoked, err := h.Replica.Revoked(t.Context(), token)
		switch {
		case revoked:
			return
		case err == nil && late:
			t.Fatalf("not known %v later", time.Since(begin))
		case time.Since(begin) > time.Minute:
			t.Fatalf("still no answer: %v", err)
		}
		// A call to the server, instead of a sleep.
		_, _ = h.Replica.Len(t.Context())
	}
}

func enrolledAtBoth(t *testing.T, h Harness) {
	enroll(t, h, "person", "here", time.Hour)
	enroll(t, h.at(1), "person", "there", time.Hour)
	wantWithdrawn(t, h.at(1), "person", "here", "there")
	wantWithdrawn(t, h, "person")
}
