package flow_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestFinishMovesBetweenReplicas posts a code to one replica after another while Signicat answers slowly or
// not at all. The clocks differ by up to the documented minute. One replica at a time sends the code, and the
// login ends with its token.
func TestFinishMovesBetweenReplicas(t *testing.T) {
	t.Parallel()
	validate := func(call int, f signicattest.Fault) signicattest.Fault {
		f.Operation, f.Call = signicattest.OperationValidateCode, call
		return f
	}
	for name, faults := range map[string][]signicattest.Fault{
		"one slow answer": {validate(1, signicattest.Fault{Delay: 9 * time.Second, After: true})},
		"no answer, then a slow one": {
			validate(1, signicattest.Fault{Delay: 11 * time.Second}), validate(2, signicattest.Fault{Delay: 9 * time.Second, After: true}),
		},
		"no answer, then a slow call": {
			validate(1, signicattest.Fault{Delay: 11 * time.Second}), validate(2, signicattest.Fault{Delay: 9 * time.Second}),
		},
		"no answer to the first read": {{Operation: signicattest.OperationReadSession, Call: 1, Delay: 11 * time.Second}},
	} {
		for _, ahead := range [][]time.Duration{{0, 0}, {0, 20 * time.Second}, {0, time.Minute}, {time.Minute, 0}} {
			synctest.Test(t, func(t *testing.T) {
				r := newReplicas(t, ahead...)
				a := r.approvedApp(t).at(r.all[0])
				r.script(t, faults...)
				var got reply
				for i := range 30 {
					if got = a.at(r.all[i%len(r.all)]).redeem(); got.problem() != "authorization_pending" && got.Code != http.StatusServiceUnavailable {
						break
					}
					pass(time.Second)
				}
				if got.Code != http.StatusOK {
					t.Errorf("%s, clocks %v: %d %s", name, ahead, got.Code, got.Body)
				}
			})
		}
	}
}
