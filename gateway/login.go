package gateway

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// login is a verified credential. Requests at the same time share it: nothing in it changes but
// the access token made from it, and presented. A great many are kept, each of few pieces, because every piece costs
// the garbage collector time again and again.
type login struct {
	kind       pending.Kind // App for a bearer token, Browser for a cookie
	claims     token.Claims // without Audience and Attributes
	attributes []attributeValue
	identity   Identity
	told       []string               // claims that upstreams are told; most logins share one array
	values     []string               // of each, as the header has it; empty for an absent claim
	minted     atomic.Pointer[minted] // of a cookie's; nil until an upstream wants it
	presented  atomic.Bool            // the family knows that the browser has this cookie
}

// attributeValue is an attribute of the person.
type attributeValue struct {
	name, text string
	other      any // what text is made from; nil where it is the text itself
}

// newLogin prepares what the upstreams of a login get. Told are the claims of the gateway's own
// tokens; one from before a change of the configuration may have others.
func newLogin(kind pending.Kind, claims *token.Claims, told []string) *login {
	l := &login{kind: kind, claims: *claims, told: told, attributes: make([]attributeValue, 0, len(claims.Attributes))}
	l.claims.Audience, l.claims.Attributes = nil, nil
	pieces := []*string{&l.claims.ID, &l.claims.Subject}
	for name, value := range claims.Attributes {
		at := slices.Index(l.told, name)
		if at < 0 {
			at, l.told = len(l.told), append(slices.Clip(l.told), name)
		}
		a := attributeValue{name: l.told[at], text: claimText(value)} // told's text, which logins share
		if _, isText := value.(string); !isText {
			a.other = value
		}
		l.attributes = append(l.attributes, a)
		pieces = append(pieces, &l.attributes[len(l.attributes)-1].text)
	}
	join(pieces)
	l.identity = Identity{Subject: l.claims.Subject, login: l}
	l.values = make([]string, len(l.told))
	for i, claim := range l.told {
		text, _ := l.identity.Claim(claim)
		l.values[i] = encodeHeader(text)
	}
	return l
}

// join lets texts share one array.
func join(texts []*string) {
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}

// attribute returns the text of an attribute.
func (l *login) attribute(name string) (text string, ok bool) {
	for _, a := range l.attributes {
		if a.name == name {
			return a.text, true
		}
	}
	return "", false
}

// attributeClaims are the attributes as the token has them.
func (l *login) attributeClaims() map[string]any {
	claims := make(map[string]any, len(l.attributes))
	for _, a := range l.attributes {
		claims[a.name] = a.text
		if a.other != nil {
			claims[a.name] = a.other
		}
	}
	return claims
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
	loginWeight     = 600
	attributeWeight = 140
	objectWeight    = 340
)

// weight is about how many bytes the login takes in the cache.
func (l *login) weight() uint64 {
	n := loginWeight + attributeWeight*len(l.attributes)
	for _, a := range l.attributes {
		if object, ok := a.other.(map[string]any); ok {
			n += objectWeight * (1 + len(object)/8)
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
