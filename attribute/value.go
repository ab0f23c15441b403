package attribute

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxValue bounds one attribute's text in bytes. A longer text is cut at a character's boundary. Texts
// of identity documents are much shorter.
const MaxValue = 1024

// Subject holds the values that Signicat sent for one user.
type Subject struct {
	// Text returns an attribute that is a string, by Signicat's name; false when there is none.
	Text func(name string) (text string, ok bool)
	// Address is the postal address in one text. Empty when Signicat sent none.
	Address string
	// NIN is the national identity number. Zero when Signicat sent none.
	NIN NationalNumber
}

// NationalNumber is a national identity number.
type NationalNumber struct {
	Value          string // the number itself, such as 11 digits in Belgium
	IssuingCountry string // ISO 3166-1 alpha-2; empty when unknown
	Type           string // such as PERSON; empty when unknown
}

// Claims translates a user's attributes into those of the wanted claims that the user has. It leaves
// out an attribute that Signicat did not send, or sent in an unreadable form.
func (s Subject) Claims(wanted []string) map[string]any {
	claims := make(map[string]any, len(wanted)+1)
	for _, a := range table {
		if !slices.Contains(wanted, a.Claim) {
			continue
		}
		value, ok := s.read(a)
		if !ok {
			continue
		}
		claims[a.Claim] = value
		if a.Form == Email {
			claims["email_verified"] = false
		}
	}
	return claims
}

// read returns the value of an attribute in the form of its claim.
func (s Subject) read(a Attribute) (value any, ok bool) {
	switch a.Form {
	case Address:
		return map[string]any{"formatted": bound(s.Address)}, s.Address != ""
	case NIN:
		return s.NIN.claim(), s.NIN.Value != ""
	}
	text, ok := s.Text(a.Name)
	switch a.Form {
	case Lower:
		text = strings.ToLower(text)
	case Phone:
		text = e164(text)
	}
	text = bound(text)
	return text, ok && text != ""
}

func (n NationalNumber) claim() map[string]any {
	claim := map[string]any{"value": bound(n.Value)}
	if n.IssuingCountry != "" {
		claim["issuing_country"] = bound(n.IssuingCountry)
	}
	if n.Type != "" {
		claim["type"] = bound(n.Type)
	}
	return claim
}

// e164 removes the blanks and punctuation of a number like "+32 453519681".
func e164(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, number)
}

// bound cuts a text to MaxValue bytes of whole characters.
func bound(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= MaxValue {
		return text
	}
	cut := MaxValue
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}
