package conformance_test

import (
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest/conformance"
)

// TestSimulator runs the suite against the simulator's default forms, and against the other form of each switch that
// leaves the suite's rules in force.
func TestSimulator(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]signicattest.Switches{
		"default forms": {},
		"other forms": {
			ValidationStatus: 204, UnknownTransactionStatus: 404, StateEncoding: signicattest.StateEncoded, UsedCodeAccepted: true,
			RefusedCode: "invalid_code", WaitingHidden: true, ExpiredAs: signicattest.ExpiredAsNotFound, CancelEndedAccepted: true,
			CancelUnknownStatus: 404, LowLoARefused: true, AddressAsObject: true, NINAsString: true, IDPIDAlways: true,
			TransactionIDInRead: true, ScopeOptional: true, InvalidClientStatus: 401, PlainProblems: true, EmptyAuthErrors: true,
			ReanswerAllowed: true, ReadsBeforeSuccess: 1,
		},
		"SUCCESS before validation": {
			SuccessBeforeValidation: true, StateEncoding: signicattest.StateEither, ValidationBody: signicattest.ValidationBodyObject,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, err := signicattest.Start(signicattest.Config{Switches: switches})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(sim.Close)
			conformance.Run(t, conformance.Target{
				APIURL: sim.URL, ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret,
				AccountID: signicattest.DefaultAccountID, RedirectURL: signicattest.DefaultAppRedirectURL,
				Interval: time.Millisecond,
				Encoded:  switches.StateEncoding == signicattest.StateEncoded,
				Approve:  func(u string) (string, error) { return sim.Approve(u, "adult") },
				Refuse:   sim.Refuse,
			})
		})
	}
}
