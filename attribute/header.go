package attribute

import (
	"maps"
	"slices"
	"strings"
)

// HeaderPrefix begins the name of every identity header that the gateway sends to an upstream.
const HeaderPrefix = "X-Itsme-"

// subjectHeader carries the claim sub.
const subjectHeader = HeaderPrefix + "Subject"

// headers maps every claim of a token to its header.
var headers = func() map[string]string {
	headers := map[string]string{"sub": subjectHeader}
	for _, claim := range []string{"acr", "auth_time", "email_verified"} {
		headers[claim] = ruledHeader(claim)
	}
	for _, a := range table {
		headers[a.Claim] = ruledHeader(a.Claim)
	}
	return headers
}()

// Headers returns the header of every claim of a token, in no order.
func Headers() []string { return slices.Collect(maps.Values(headers)) }

// Header returns the header that carries a claim to the upstream.
func Header(claim string) string {
	if header, ok := headers[claim]; ok {
		return header
	}
	return ruledHeader(claim)
}

// Header returns the header that carries the attribute's claim to the upstream.
func (a Attribute) Header() string { return Header(a.Claim) }

// ruledHeader returns the header of a claim other than sub: X-Itsme- and the claim's words, each with a
// capital.
func ruledHeader(claim string) string {
	words := strings.Split(claim, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return HeaderPrefix + strings.Join(words, "-")
}
