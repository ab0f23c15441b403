package attribute

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

func TestAttributesBecomeClaims(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, claim, subject string
		want                 map[string]any
	}{
		{"a text", "name", `{"id":"x","name":"Zoë"}`, map[string]any{"name": "Zoë"}},
		{"an attribute that is left out", "name", `{"id":"x"}`, map[string]any{}},
		{"an attribute that is null", "name", `{"id":"x","name":null}`, map[string]any{}},
		{"an attribute that is empty", "name", `{"id":"x","name":""}`, map[string]any{}},
		{"an attribute of another type", "name", `{"id":"x","name":5}`, map[string]any{}},
		{"an e-mail address is never verified", "email", `{"id":"x","email":"a@b.be"}`, map[string]any{"email": "a@b.be", "email_verified": false}},
		{"a locale is lower case", "locale", `{"id":"x","locale":"NL"}`, map[string]any{"locale": "nl"}},
		{"a phone number is E.164", "phone_number", `{"id":"x","phoneNumber":"+32 453519681"}`, map[string]any{"phone_number": "+32453519681"}},
		{"an address as a text", "address", `{"id":"x","address":"Rue Royale 82"}`, map[string]any{"address": map[string]any{"formatted": "Rue Royale 82"}}},
		{"an address as an object", "address", `{"id":"x","address":{"formatted":"Rue Royale 82","locality":"Brussel"}}`, map[string]any{"address": map[string]any{"formatted": "Rue Royale 82"}}},
		{"a national number as an object", "nin", `{"id":"x","nin":{"value":"81042419835","issuingCountry":"BE","type":"PERSON"}}`, map[string]any{"nin": map[string]any{"value": "81042419835", "issuing_country": "BE", "type": "PERSON"}}},
		{"a national number as a text", "nin", `{"id":"x","nin":"81042419835"}`, map[string]any{"nin": map[string]any{"value": "81042419835"}}},
		{"an attribute that is not asked for", "name", `{"id":"x","nin":"81042419835"}`, map[string]any{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var subject signicat.Subject
			if err := json.Unmarshal([]byte(row.subject), &subject); err != nil {
				t.Fatal(err)
			}
			address, _ := subject.Address()
			nin, _ := subject.NIN()
			sent := Subject{Text: subject.Text, Address: address, NIN: NationalNumber(nin)}
			if diff := cmp.Diff(row.want, sent.Claims([]string{row.claim})); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongValueIsCutAtACharacter(t *testing.T) {
	t.Parallel()
	for _, character := range []string{"a", "é", "€", "𝄞"} {
		got := bound(strings.Repeat(character, 10_000))
		if len(got) > MaxValue || len(got) < MaxValue-3 || !utf8.ValidString(got) {
			t.Errorf("%q: %d bytes, valid %v", character, len(got), utf8.ValidString(got))
		}
	}
}
