package signicat_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestSubjectText(t *testing.T) {
	t.Parallel()
	s := subject(t, `{"id":"x","name":"Zoë","empty":"","null":null,"number":5,"object":{},"list":["a"]}`)
	for attribute, want := range map[string]string{
		"name": "Zoë", "empty": "", "null": "", "number": "", "object": "", "list": "", "missing": "", "id": "",
	} {
		got, ok := s.Text(attribute)
		if got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t", attribute, got, ok)
		}
	}
}

func TestSubjectNIN(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, json string
		want       signicat.NIN
	}{
		{
			"object", `{"nin":{"value":"81042419835","issuingCountry":"BE","type":"PERSON"}}`,
			signicat.NIN{Value: "81042419835", IssuingCountry: "BE", Type: "PERSON"},
		},
		{"string", `{"nin":"81042419835"}`, signicat.NIN{Value: "81042419835"}},
		{"object with a value alone", `{"nin":{"value":"81042419835"}}`, signicat.NIN{Value: "81042419835"}},
		{
			"object with odd neighbours", `{"nin":{"value":"81042419835","issuingCountry":5,"type":null,"more":[]}}`,
			signicat.NIN{Value: "81042419835"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := subject(t, test.json).NIN()
			if got != test.want || !ok {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
	for _, without := range []string{
		`{}`, `{"nin":null}`, `{"nin":""}`, `{"nin":{}}`, `{"nin":{"value":null}}`, `{"nin":{"value":""}}`,
		`{"nin":81042419835}`, `{"nin":["81042419835"]}`, `{"nin":{"value":81042419835}}`,
	} {
		if got, ok := subject(t, without).NIN(); ok {
			t.Errorf("%s: got %+v", without, got)
		}
	}
}

func TestSubjectAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		`"Rue Royale 82 1000 Bruxelles"`:                                                 "Rue Royale 82 1000 Bruxelles",
		`{"formatted":"Rue Royale 82 1000 Bruxelles","street_address":"x"}`:              "Rue Royale 82 1000 Bruxelles",
		`{"street_address":"Rue Royale 82","postal_code":"1000","locality":"Bruxelles"}`: "Rue Royale 82, 1000 Bruxelles",
		`{"formatted":"","street_address":"Rue Royale 82","locality":"Bruxelles"}`:       "Rue Royale 82, Bruxelles",
		`{"formatted":null,"postal_code":"1000"}`:                                        "1000",
		`{"street_address":"Rue Royale 82","postal_code":1000}`:                          "Rue Royale 82",
		`{}`: "", `""`: "", `null`: "", `5`: "", `["a"]`: "", `{"formatted":{}}`: "",
	} {
		got, ok := subject(t, `{"address":`+address+`}`).Address()
		if got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t", address, got, ok)
		}
	}
	if got, ok := subject(t, `{}`).Address(); ok {
		t.Errorf("no address: got %q", got)
	}
}

func TestSubjectKeepsEveryOtherMember(t *testing.T) {
	t.Parallel()
	s := subject(t, `{"id":"x=","idpId":"y","later":{"a":[1,2.50]},"null":null}`)
	want := map[string]json.RawMessage{"idpId": json.RawMessage(`"y"`), "later": json.RawMessage(`{"a":[1,2.50]}`)}
	if diff := cmp.Diff(want, s.Attributes); s.ID != "x=" || diff != "" {
		t.Errorf("id %q, attributes (-want +got):\n%s", s.ID, diff)
	}
}

func subject(t *testing.T, data string) *signicat.Subject {
	t.Helper()
	s := new(signicat.Subject)
	if err := json.Unmarshal([]byte(data), s); err != nil {
		t.Fatal(err)
	}
	return s
}
