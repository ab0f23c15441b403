package redis_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/pending/pendingtest"
)

// credential is what every request asks for.
func credential() pending.Credential {
	return pending.Credential{TokenID: "token", Login: "login", Subject: "subject", IssuedAt: time.Now()}
}

// TestRevokedAllocatesNothing is not parallel: others would allocate meanwhile.
func TestRevokedAllocatesNothing(t *testing.T) {
	store := open(t, config(startServer(t).address))
	for _, id := range []string{"other", "login"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = store.Revoked(t.Context(), credential()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		revoke(t, store, id)
	}
}

// BenchmarkRevoked is the check of every request, from the copy.
func BenchmarkRevoked(b *testing.B) {
	for _, revocations := range []int{0, 10_000} {
		b.Run(strconv.Itoa(revocations), func(b *testing.B) {
			store := open(b, config(startServer(b).address))
			for i := range revocations {
				revoke(b, store, strconv.Itoa(i))
			}
			asked := credential()
			b.ReportAllocs()
			for b.Loop() {
				if revoked, err := store.Revoked(b.Context(), asked); revoked || err != nil {
					b.Fatal(revoked, err)
				}
			}
		})
	}
}

// BenchmarkLogin is what the store's calls for one login of an app cost, among as many others as there may
// be. TestSignals has the calls: 11 of them.
func BenchmarkLogin(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(strconv.Itoa(others), func(b *testing.B) {
			store := open(b, config(startServer(b).address))
			roomy := pending.Bounds{Total: others + 100_000, PerClient: 60}
			for i := range others {
				r := pendingtest.NewRecord("other"+strconv.Itoa(i), strconv.Itoa(i/3), time.Now())
				if _, err := store.Create(b.Context(), r, roomy); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				login(b, store, strconv.Itoa(i), roomy)
			}
		})
	}
}

func login(b *testing.B, store pending.Store, id string, bounds pending.Bounds) {
	failed := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	allow := func() {
		_, err := store.Allow(b.Context(), id, 1000, time.Minute)
		failed(err)
	}
	_, err := store.Recall(b.Context(), id)
	failed(err)
	allow()
	_, err = store.Create(b.Context(), pendingtest.NewRecord(id, id, time.Now()), bounds)
	failed(err)
	_, err = store.Remember(b.Context(), id, id, time.Second)
	failed(err)

	allow()
	r, err := store.Load(b.Context(), id)
	failed(err)
	r.FirstPresented = time.Now()
	failed(store.Update(b.Context(), r))
	for _, phase := range []pending.Phase{pending.Validating, pending.Validated} {
		r.Phase = phase
		failed(store.Update(b.Context(), r))
	}
	failed(store.Enroll(b.Context(), id, id, time.Now().Add(time.Minute)))
	r.Phase, r.EndedAt = pending.Issued, time.Now()
	failed(store.Update(b.Context(), r))
}
