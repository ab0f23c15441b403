package identity

import (
	"net/textproto"
	"slices"
	"strings"
)

// authorization is the default header for the minted token.
const authorization = "Authorization"

// Upstream describes what one upstream receives. The zero value receives the X-Itsme headers of all claims, and no
// token.
type Upstream struct {
	headers   []extraHeader
	token     string   // canonical name of the header that carries the minted token, or empty
	claims    []string // the upstream receives; nil is all of the login's
	mintedFor mintedFor
}

type extraHeader struct{ name, claim string }

// AddHeader adds a header with the value of a claim.
func (u *Upstream) AddHeader(name, claim string) {
	u.headers = append(u.headers, extraHeader{textproto.CanonicalMIMEHeaderKey(name), claim})
}

// SetTokenHeader sets the header for the minted token. Authorization holds a bearer token, any other header
// the token alone.
func (u *Upstream) SetTokenHeader(name string) { u.token = textproto.CanonicalMIMEHeaderKey(name) }

// SetAudience sets the audience of the minted token.
func (u *Upstream) SetAudience(uri string) { u.mintedFor.audience = uri }

// alwaysSent are the claims that every upstream receives.
var alwaysSent = []string{"sub", "acr", "auth_time"}

// AlwaysSent returns the claims that every upstream receives. The slice is the caller's copy.
func AlwaysSent() []string { return slices.Clone(alwaysSent) }

// LimitClaims limits what the upstream receives to these claims and those that every upstream receives.
func (u *Upstream) LimitClaims(claims []string) {
	u.claims = slices.Concat(alwaysSent, claims)
	slices.Sort(u.claims)
	u.claims = slices.Compact(u.claims)
	u.mintedFor.claims = strings.Join(u.claims, " ")
}

// TakesBearer reports whether the upstream gets the minted token in Authorization.
func (u *Upstream) TakesBearer() bool { return u.token == authorization }

// receives reports whether the upstream receives a claim.
func (u *Upstream) receives(claim string) bool {
	return u.claims == nil || slices.Contains(u.claims, claim)
}

// only removes the attributes that the upstream does not receive.
func (u *Upstream) only(attributes map[string]any) map[string]any {
	for claim := range attributes {
		if !u.receives(claim) {
			delete(attributes, claim)
		}
	}
	return attributes
}
