package gateway

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
			g := &Gateway{config: Config{Token: TokenConfig{Claims: []string{row.claim}}}}
			if diff := cmp.Diff(row.want, g.claimsOf(&subject)); diff != "" {
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

func TestHeaderValueIsPrintable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Jane Doe":           "Jane Doe",
		"Zoë":                "Zo%C3%AB",
		"100%":               "100%25",
		"a\r\nX-Evil: 1":     "a%0D%0AX-Evil: 1",
		"nul\x00":            "nul%00",
		" edges ":            "%20edges%20",
		"{env.SECRET}":       "{env.SECRET}",
		"{file./etc/passwd}": "{file./etc/passwd}",
		"":                   "",
		"del\x7f":            "del%7F",
	} {
		if got := encodeHeader(value); got != want {
			t.Errorf("%q becomes %q, want %q", value, got, want)
		}
	}
}

func TestHeaderNamesFollowTheRule(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		"name": "X-Itsme-Name", "given_name": "X-Itsme-Given-Name", "phone_number": "X-Itsme-Phone-Number",
		"nin": "X-Itsme-Nin", "email_verified": "X-Itsme-Email-Verified", "itsme_os": "X-Itsme-Itsme-Os",
	} {
		if got := claimHeader(claim); got != want {
			t.Errorf("%s is %s, want %s", claim, got, want)
		}
	}
}
