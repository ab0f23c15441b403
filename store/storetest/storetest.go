// Package storetest is the conformance suite of every [store.Store].
//
// A store with a clock that tests can advance runs all of it:
//
//	func TestMemory(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, test func(*testing.T, storetest.Harness)) {
//			synctest.Test(t, func(t *testing.T) {
//				s := store.NewMemory(time.Now)
//				defer s.Close()
//				test(t, storetest.Harness{Store: s, Now: time.Now, Advance: …})
//			})
//		})
//	}
//
// A store on a real server, whose clock a test cannot advance, runs [RunTimeless]. One that
// several replicas share runs [RunShared], too.
package storetest

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// Harness holds the store of one test and its clock.
type Harness struct {
	// Store is new and empty. The setup closes it; tests may close it, too.
	Store store.Store
	// Now is the store's clock. Required.
	Now func() time.Time
	// Advance moves that clock on, and returns when the store has dropped what expired. Required by
	// [Run].
	Advance func(time.Duration)
	// Replica is another store on the same data, as a second replica opens it.
	// Required by [RunShared].
	Replica store.Store
	// Approximate is set for a store that may evict more than [store.Bounds] ask for while records are
	// created at the same time.
	Approximate bool
}

// Setup prepares a harness, calls test once with it, and cleans up. It may call test with another
// testing.T, as testing/synctest does.
type Setup func(t *testing.T, test func(t *testing.T, h Harness))

// scenario is one property of a store.
type scenario struct {
	name string
	test func(t *testing.T, h Harness)
}

// Run runs all the tests of a [store.Store], each on one of its own and in parallel.
func Run(t *testing.T, setup Setup) {
	RunTimeless(t, setup)
	run(t, setup, retention)
}

// RunTimeless runs the tests in which no time passes.
func RunTimeless(t *testing.T, setup Setup) {
	RunSpread(t, setup)
	run(t, setup, totals)
}

// RunSpread runs those of [RunTimeless] that a store passes which counts [store.Bounds.Total] in parts,
// and so only about.
func RunSpread(t *testing.T, setup Setup) {
	run(t, setup, records)
	run(t, setup, contention)
	run(t, setup, bounds)
	run(t, setup, limits)
	run(t, setup, revocations)
	run(t, setup, logins)
	run(t, setup, families)
	run(t, setup, lifecycle)
	run(t, setup, releases)
}

func run(t *testing.T, setup Setup, list func() []scenario) {
	for _, s := range list() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			setup(t, s.test)
		})
	}
}

// roomy returns bounds that no test reaches by accident.
func roomy() store.Bounds { return store.Bounds{Total: 1000, PerClient: 1000} }

// NewRecord returns the record of an app's login after its start, with values of Signicat's length.
func NewRecord(id, client string, now time.Time) *store.Record {
	return &store.Record{
		ID:          id,
		Kind:        store.App,
		Client:      client,
		RedirectURL: "https://app.example.be/itsme/app/callback",
		AuthorizationRequestURL: "https://idp.e2e.itsme.services/v2/authorization?ui_locales=nl&scope=openid+service%3AEXAMPLE_DEV" +
			"&claims=%7B%22id_token%22%3A%7B%22birthdate%22%3Anull%2C%22http%3A%5C%2F%5C%2Fitsme.services%5C%2Fv2%5C%2Fclaim%5C%2FIDIssuingCountry%22%3Anull" +
			"%2C%22name%22%3Anull%2C%22http%3A%5C%2F%5C%2Fitsme.services%5C%2Fv2%5C%2Fclaim%5C%2FBENationalNumber%22%3Anull%2C%22given_name%22%3Anull" +
			"%2C%22family_name%22%3Anull%2C%22email%22%3Anull%2C%22phone_number%22%3Anull%7D%7D&response_type=code" +
			"&redirect_uri=https%3A%2F%2Fapp.example.be%2Fitsme%2Fapp%2Fcallback" +
			"&state=" + id + "%3Aa-sdge-AbCdEfGhIjKlMnOpQrSt&nonce=" + id + "&client_id=AbCdEf",
		TokenRequestURL: "https://api.signicat.com/idps/oidc-vendor/itsme/login-headless/token",
		SignicatID:      "fb432801-66f6-6141-a5b2-0123456789ab",
		TransactionID:   "5da292ab-6bbc-a84f-9c3d-0123456789ab",
		AccountID:       "a-sdge-AbCdEfGhIjKlMnOpQrSt",
		Challenge:       "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		Language:        "nl",
		LoA:             "substantial",
		CreatedAt:       now,
		ExpiresAt:       now.Add(20 * time.Minute),
	}
}

// create keeps a new record and fails the test if the store does not.
func create(t *testing.T, h Harness, id, client string, b store.Bounds) (*store.Record, []string) {
	t.Helper()
	r := NewRecord(id, client, h.Now())
	return r, keep(t, h, r, b)
}

// keep creates a record and fails the test if the store does not.
func keep(t *testing.T, h Harness, r *store.Record, b store.Bounds) (evicted []string) {
	t.Helper()
	evicted, err := h.Store.Create(t.Context(), r, b)
	if err != nil {
		t.Fatalf("creating %s: %v", r.ID, err)
	}
	return evicted
}

// update changes a record and fails the test if the store does not.
func update(t *testing.T, h Harness, r *store.Record) {
	t.Helper()
	if err := h.Store.Update(t.Context(), r); err != nil {
		t.Fatalf("updating %s: %v", r.ID, err)
	}
}

// load returns a record that must exist.
func load(t *testing.T, h Harness, id string) *store.Record {
	t.Helper()
	r, err := h.Store.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("loading %s: %v", id, err)
	}
	return r
}

// wantLen compares the number of records that count.
func wantLen(t *testing.T, h Harness, want int) {
	t.Helper()
	got, err := h.Store.Len(t.Context())
	if err != nil || got != want {
		t.Errorf("Len() = %d, %v, want %d", got, err, want)
	}
}
