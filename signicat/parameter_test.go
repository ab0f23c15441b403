package signicat_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// TestParametersAreSentWithEverySession: the parameters of a session stand over those of the configuration,
// which no session changes.
func TestParametersAreSentWithEverySession(t *testing.T) {
	t.Parallel()
	s, got := recorder(t)
	configured := map[string]string{"itsme_response_type": "code", "itsme_new": "1"}
	client, _ := newClient(t, s, func(config *signicat.Config) { config.Parameters = configured })
	for _, row := range []struct{ own, want map[string]string }{
		{nil, map[string]string{"itsme_response_type": "code", "itsme_new": "1"}},
		{
			map[string]string{signicat.ParameterRedirectURL: "https://app.example.be/cb", "itsme_new": "2"},
			map[string]string{"itsme_response_type": "code", "itsme_new": "2", signicat.ParameterRedirectURL: "https://app.example.be/cb"},
		},
		{nil, map[string]string{"itsme_response_type": "code", "itsme_new": "1"}},
	} {
		if _, err := client.CreateSession(t.Context(), signicat.SessionRequest{AdditionalParameters: row.own}); err != nil {
			t.Fatal(err)
		}
		var body struct{ AdditionalParameters map[string]string }
		if err := json.Unmarshal([]byte((*got)[len(*got)-1].Body), &body); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, body.AdditionalParameters); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	}
}

func TestUnknownStatusIsObserved(t *testing.T) {
	t.Parallel()
	for status, want := range map[string][]signicat.Status{
		"CREATED": nil, "WAITING_FOR_USER": nil, "SUCCESS": nil, "ABORT": nil, "ERROR": nil, "CANCELLED": nil, "EXPIRED": nil, "INVALID": nil,
		"STARTED": {"STARTED"}, "created": {"created"}, "a\\nforged line": {""},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			var got []signicat.Status
			client, _ := newClient(t, &server{session: jsonBody(`{"id":"` + sessionID + `","accountId":"a","status":"` + status + `"}`)},
				func(config *signicat.Config) { config.ObserveStatus = func(s signicat.Status) { got = append(got, s) } })
			if _, err := client.Session(t.Context(), sessionID); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}
