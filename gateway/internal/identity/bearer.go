package identity

import (
	"net/http"
	"slices"
	"strings"
)

// CredentialHeaders holds the header lines of the credentials that a client sent, before a site strips them.
type CredentialHeaders struct {
	// Authorization holds the lines of Authorization.
	Authorization []string
	// Cookie holds the lines of Cookie.
	Cookie []string
	// DPoP holds the lines of DPoP.
	DPoP []string
	// Target is what a proof in DPoP must be for.
	Target Target
	// Checked keeps the result of the check of a proof. Nil keeps none.
	Checked *CheckedProof
}

// CredentialHeadersOf returns the credentials of a request.
func CredentialHeadersOf(r *http.Request) CredentialHeaders {
	return CredentialHeaders{Authorization: r.Header["Authorization"], Cookie: r.Header["Cookie"], DPoP: r.Header[proofHeader]}
}

// Restore returns a request with its original credentials, for a gateway behind another gateway's site.
func (s CredentialHeaders) Restore(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header["Authorization"], r.Header["Cookie"], r.Header[proofHeader] = s.Authorization, s.Cookie, s.DPoP
	return r
}

// bearerPrefix is the form of the scheme (RFC 6750 section 2.1) that every upstream reads.
const bearerPrefix = "Bearer "

// DropBearer removes every bearer token from a header. An upstream would trust it as verified by the gateway.
// Other schemes stay: they are not for the gateway.
func DropBearer(h http.Header) { dropLines(h, containsBearer) }

// DropOwn removes every line of Authorization that holds a token of the gateway, under any scheme. Bearer tokens of
// other issuers stay. Without keys DropOwn cannot recognise its own, and removes every bearer token.
func (g *Guard) DropOwn(h http.Header) {
	if len(h[authorization]) > 0 && g.config.Keys() == nil {
		DropBearer(h)
		return
	}
	dropLines(h, func(line string) bool { return slices.ContainsFunc(wordsIn(line), g.config.Authority.NamesKey) })
}

// dropLines removes lines of Authorization. Other requests may share the array of the lines, so it stays as it is.
func dropLines(h http.Header, drop func(line string) bool) {
	if !slices.ContainsFunc(h[authorization], drop) {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(h[authorization]), drop)
	if h[authorization] = kept; len(kept) == 0 {
		delete(h, authorization)
	}
}

// bearer reads a bearer token (RFC 6750 section 2.1). A value with that scheme is a bearer token even when it
// is malformed: it never falls back to the cookie.
func bearer(value string) (raw string, ok bool) { return credential(value, "Bearer") }

// credential reads the token of a scheme.
func credential(value, scheme string) (raw string, ok bool) {
	named, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
	if strings.EqualFold(named, scheme) {
		return strings.TrimLeft(rest, " "), true
	}
	return "", hasSchemePrefix(named, scheme)
}

// containsBearer reports whether a value holds the word Bearer anywhere. An upstream that splits the value at
// "Bearer ", or trims other characters than we do, finds a token where [bearer] finds none.
func containsBearer(value string) bool {
	return slices.ContainsFunc(wordsIn(value), func(word string) bool { return strings.EqualFold(word, "Bearer") })
}

// hasSchemePrefix reports whether a scheme ends with another character than a blank, such as a tab. Some servers
// accept that.
func hasSchemePrefix(named, scheme string) bool {
	return len(named) > len(scheme) && strings.EqualFold(named[:len(scheme)], scheme) && !tokenChar(named[len(scheme)])
}

// tokenChar reports whether a name may hold a byte (RFC 9110 section 5.6.2).
func tokenChar(b byte) bool {
	return b > ' ' && b < 0x7F && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(b))
}

// notTokenChar reports whether a name of RFC 9110 cannot hold a character. Each of them is a blank to some
// server: U+00A0, its one byte in Latin-1, U+FEFF, a control character, a quote.
func notTokenChar(r rune) bool { return r > '~' || !tokenChar(byte(r)) }
