package gateway

import (
	"slices"
	"sync/atomic"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// login is a verified credential. Requests at the same time share it: nothing in it changes but
// the access token made from it.
type login struct {
	kind     pending.Kind // App for a bearer token, Browser for a cookie
	claims   *token.Claims
	identity Identity
	told     []string               // claims that upstreams are told; most logins share one array
	values   []string               // of each, as the header has it; empty for an absent claim
	minted   atomic.Pointer[minted] // of a cookie's; nil until an upstream wants it
}

// newLogin prepares what the upstreams of a login get. Told are the claims of the gateway's own
// tokens; one from before a change of the configuration may have others.
func newLogin(kind pending.Kind, claims *token.Claims, told []string) *login {
	l := &login{kind: kind, claims: claims, identity: Identity{Subject: claims.Subject, claims: claims}, told: told}
	for claim := range claims.Attributes {
		if !slices.Contains(l.told, claim) {
			l.told = append(slices.Clip(l.told), claim)
		}
	}
	l.values = make([]string, len(l.told))
	for i, claim := range l.told {
		text, _ := l.identity.Claim(claim)
		l.values[i] = encodeHeader(text)
	}
	return l
}

// value is what a header says of a claim.
func (l *login) value(claim string) string {
	if i := slices.Index(l.told, claim); i >= 0 {
		return l.values[i]
	}
	text, _ := l.identity.Claim(claim)
	return encodeHeader(text)
}

// What a login takes in memory beside its texts, as TestWeightIsNotUnderstated measures it.
const (
	loginWeight     = 700
	attributeWeight = 170
)

// weight is about how many bytes the login takes in the cache.
func (l *login) weight() uint64 {
	n := loginWeight + attributeWeight*len(l.claims.Attributes)
	for _, value := range l.claims.Attributes {
		if object, ok := value.(map[string]any); ok {
			n += 2 * attributeWeight * (1 + len(object)/8)
		}
	}
	for _, value := range l.values {
		n += 2 * len(value) // in the claims, and encoded
	}
	if l.kind == pending.Browser {
		n += mintedWeight + n/2 // the access token says the same, in base64
	}
	return uint64(n)
}
