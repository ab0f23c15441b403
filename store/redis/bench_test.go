package redis_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
)

// credential is what every request asks for.
func credential() store.Credential {
	return store.Credential{TokenID: "token", Login: "login", Subject: "subject", IssuedAt: time.Now()}
}

// TestRevokedAllocatesNothing is not parallel: others would allocate meanwhile.
func TestRevokedAllocatesNothing(t *testing.T) {
	st := open(t, config(redistest.Start(t).Address))
	for _, id := range []string{"other", "login"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = st.Revoked(t.Context(), credential()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		revoke(t, st, id)
	}
}

// BenchmarkRevoked is the check of every request, from the copy.
func BenchmarkRevoked(b *testing.B) {
	for _, revocations := range []int{0, 10_000} {
		b.Run(strconv.Itoa(revocations), func(b *testing.B) {
			st := open(b, config(redistest.Start(b).Address))
			for i := range revocations {
				revoke(b, st, strconv.Itoa(i))
			}
			asked := credential()
			b.ReportAllocs()
			for b.Loop() {
				if revoked, err := st.Revoked(b.Context(), asked); revoked || err != nil {
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
			st := open(b, config(redistest.Start(b).Address))
			roomy := store.Bounds{Total: others + 100_000, PerClient: 60}
			for i := range others {
				r := storetest.NewRecord("other"+strconv.Itoa(i), strconv.Itoa(i/3), time.Now())
				if _, err := st.Create(b.Context(), r, roomy); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				login(b, st, strconv.Itoa(i), roomy)
			}
		})
	}
}

func login(b *testing.B, st store.Store, id string, bounds store.Bounds) {
	failed := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	allow := func() {
		_, err := st.Allow(b.Context(), store.Quota{Owner: id, Limit: 1000, Window: time.Minute})
		failed(err)
	}
	_, err := st.Recall(b.Context(), id)
	failed(err)
	allow()
	_, err = st.Create(b.Context(), storetest.NewRecord(id, id, time.Now()), bounds)
	failed(err)
	_, err = st.Remember(b.Context(), id, id, time.Second)
	failed(err)

	allow()
	r, err := st.Load(b.Context(), id)
	failed(err)
	r.FirstPresented = time.Now()
	failed(st.Update(b.Context(), r))
	for _, phase := range []store.Phase{store.Validating, store.Validated} {
		r.Phase = phase
		failed(st.Update(b.Context(), r))
	}
	failed(st.Enroll(b.Context(), id, id, time.Now().Add(time.Minute)))
	r.Phase, r.EndedAt = store.Issued, time.Now()
	failed(st.Update(b.Context(), r))
}
