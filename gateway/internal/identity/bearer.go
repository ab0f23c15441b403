package identity

import (
	"net/http"
	"slices"
	"strings"
)

// Sent holds the header lines of a request's credentials, before a site strips them.
type Sent struct {
	// Authorization holds the lines of Authorization.
	Authorization []string
	// Cookie holds the lines of Cookie.
	Cookie []string
}

// SentBy returns the credentials that a request has.
func SentBy(r *http.Request) Sent {
	return Sent{Authorization: r.Header["Authorization"], Cookie: r.Header["Cookie"]}
}

// Restored returns a request as it was sent, for a gateway that comes after another one's site.
func (s Sent) Restored(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header["Authorization"], r.Header["Cookie"] = s.Authorization, s.Cookie
	return r
}

// bearerPrefix is the form of RFC 6750 section 2.1 in which every upstream reads it.
const bearerPrefix = "Bearer "

// DropBearer removes every bearer token from a header. An upstream would take it for one that the
// gateway verified. Other schemes are not the gateway's.
func DropBearer(h http.Header) {
	kept := slices.DeleteFunc(slices.Clone(h["Authorization"]), namesBearer)
	if len(kept) == 0 {
		delete(h, "Authorization")
		return
	}
	h["Authorization"] = kept
}

// bearer reads the credentials of RFC 6750 section 2.1. A value that names the
// scheme is a bearer token. A malformed one is an invalid one: it never falls back to the cookie.
func bearer(value string) (raw string, ok bool) {
	scheme, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimLeft(rest, " "), true
	}
	return "", hasBearerPrefix(scheme)
}

// namesBearer reports whether a value holds the word Bearer anywhere. An upstream that splits it
// at "Bearer ", or trims what is no blank to us, finds a token where [bearer] finds none.
func namesBearer(value string) bool {
	return slices.ContainsFunc(tokensIn(value), func(word string) bool { return strings.EqualFold(word, "Bearer") })
}

// hasBearerPrefix catches a scheme that another character than a blank ends, such as a tab,
// which some servers take for the same.
func hasBearerPrefix(scheme string) bool {
	const name = "bearer"
	return len(scheme) > len(name) && strings.EqualFold(scheme[:len(name)], name) && !tokenChar(scheme[len(name)])
}

// tokenChar is RFC 9110 section 5.6.2.
func tokenChar(b byte) bool {
	return b > ' ' && b < 0x7F && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(b))
}

// noTokenChar reports whether a character cannot stand in a name of RFC 9110. Some server takes each
// of them for a blank: U+00A0, its one byte in Latin-1, U+FEFF, a control character, a quote.
func noTokenChar(r rune) bool { return r > '~' || !tokenChar(byte(r)) }
