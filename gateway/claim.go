package gateway

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// MaxValue bounds one attribute's text in bytes; what is longer is cut at a character's
// boundary. Nothing on an identity document comes near it.
const MaxValue = 1024

// claimsOf translates what Signicat tells of a person into the claims that the token carries.
// An attribute that Signicat leaves out, or sends in a form that cannot be read, is left out.
func (g *Gateway) claimsOf(s *signicat.Subject) map[string]any {
	claims := make(map[string]any, len(g.config.Token.Claims)+1)
	for _, a := range attributes {
		if !slices.Contains(g.config.Token.Claims, a.Claim) {
			continue
		}
		value, ok := readers[a.Form](s, a.Name)
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

// readers read an attribute in each form.
var readers = map[Form]func(s *signicat.Subject, name string) (any, bool){
	Text:    readText,
	Email:   readText,
	Lower:   func(s *signicat.Subject, name string) (any, bool) { return readMapped(s, name, strings.ToLower) },
	Phone:   func(s *signicat.Subject, name string) (any, bool) { return readMapped(s, name, e164) },
	Address: readAddress,
	NIN:     readNIN,
}

func readText(s *signicat.Subject, name string) (any, bool) {
	return readMapped(s, name, func(text string) string { return text })
}

func readMapped(s *signicat.Subject, name string, f func(string) string) (any, bool) {
	text, ok := s.Text(name)
	text = bound(f(text))
	return text, ok && text != ""
}

func readAddress(s *signicat.Subject, _ string) (any, bool) {
	formatted, ok := s.Address()
	if !ok || formatted == "" {
		return nil, false
	}
	return map[string]any{"formatted": bound(formatted)}, true
}

func readNIN(s *signicat.Subject, _ string) (any, bool) {
	nin, ok := s.NIN()
	if !ok || nin.Value == "" {
		return nil, false
	}
	claim := map[string]any{"value": bound(nin.Value)}
	if nin.IssuingCountry != "" {
		claim["issuing_country"] = bound(nin.IssuingCountry)
	}
	if nin.Type != "" {
		claim["type"] = bound(nin.Type)
	}
	return claim, true
}

// e164 takes the blanks and punctuation out of a number like "+32 453519681".
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
