package signicat_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// TestObserveReceivesCalls makes calls that succeed, that Signicat refuses, and whose caller has gone.
func TestObserveReceivesCalls(t *testing.T) {
	t.Parallel()
	observed := make(chan signicat.Call, 10)
	sim, client := simulate(t, signicattest.Config{}, func(c *signicat.Config) {
		c.Observe = func(call signicat.Call) { observed <- call }
	})
	ctx, cancel := context.WithCancel(t.Context())
	session := begin(t, client)
	if err := sim.Script(signicattest.Fault{Operation: signicattest.OperationReadSession, Call: 1, Status: http.StatusTooManyRequests}); err != nil {
		t.Fatal(err)
	}
	_, limited := client.Session(ctx, session.ID)
	cancel()
	_, left := client.Session(ctx, session.ID)
	if limited == nil || left == nil {
		t.Fatalf("the calls that are to fail: %v, %v", limited, left)
	}
	want := []string{"access_token ok", "create_session ok", "read_session rate_limited", "read_session abandoned"}
	var got []string
	for range want {
		call := <-observed
		got = append(got, call.Operation+" "+call.Outcome)
		if !slices.Contains(signicat.Operations(), call.Operation) || !slices.Contains(signicat.Outcomes(), call.Outcome) {
			t.Errorf("%s must not end in %s", call.Operation, call.Outcome)
		}
		if call.Duration < 0 {
			t.Errorf("%s took %s", call.Operation, call.Duration)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other calls are observed (-want +got):\n%s", diff)
	}
}
