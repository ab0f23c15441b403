package identity

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Credential is a verified credential. Concurrent requests share it: only Presented and the minted tokens
// change. The cache keeps many of them, each of few allocations, because every allocation costs the garbage
// collector time.
type Credential struct {
	// Kind is App for a bearer token, and Browser for a session cookie.
	Kind store.Kind
	// Claims holds the claims of the token, without Audience and Attributes.
	Claims token.Claims
	// Presented says that the login's family records that the browser sent this cookie.
	Presented atomic.Bool

	attributes     []attributeValue
	birthdate      string // for the requirements; only among attributes if upstreams get it
	identity       Identity
	upstreamClaims []string // names of the claims for upstreams; most credentials share one array
	values         []string // of upstreamClaims, as headers; empty for an absent claim
	minted         mintedTokens
	key            tokenKey // of the token in the cache
}

// Identity returns the user of the credential.
func (c *Credential) Identity() *Identity { return &c.identity }

// bound reports whether the credential is of use only together with a proof of its key.
func (c *Credential) bound() bool { return c.Claims.KeyThumbprint != "" }

// attributeValue is an attribute of the user.
type attributeValue struct {
	name, text string
	other      any // the value of a claim that is not a text; nil for a text
}

// newCredential prepares the claims and headers for upstreams. upstreamClaims are the claims of the gateway's
// current tokens. A token from before a change of the configuration may hold others, which are added. An encrypted
// token holds the birth date for [Requirements] too: without birthdate in upstreamClaims it goes nowhere else.
func newCredential(kind store.Kind, claims *token.Claims, upstreamClaims []string) *Credential {
	c := &Credential{Kind: kind, Claims: *claims, upstreamClaims: upstreamClaims, attributes: make([]attributeValue, 0, len(claims.Attributes))}
	c.Claims.Audience, c.Claims.Attributes = nil, nil
	pieces := []*string{&c.Claims.ID, &c.Claims.Subject, &c.Claims.KeyThumbprint}
	for name, value := range claims.Attributes {
		at := slices.Index(c.upstreamClaims, name)
		if name == attribute.BirthDate {
			if c.birthdate, _ = value.(string); at < 0 {
				pieces = append(pieces, &c.birthdate)
				continue
			}
		}
		if at < 0 {
			at, c.upstreamClaims = len(c.upstreamClaims), append(slices.Clip(c.upstreamClaims), name)
		}
		a := attributeValue{name: c.upstreamClaims[at], text: claimText(value)} // use the shared name
		if _, isText := value.(string); !isText {
			a.other = value
		}
		c.attributes = append(c.attributes, a)
		pieces = append(pieces, &c.attributes[len(c.attributes)-1].text)
	}
	shareArray(pieces)
	c.identity = Identity{Subject: c.Claims.Subject, credential: c}
	c.values = make([]string, len(c.upstreamClaims))
	for i, claim := range c.upstreamClaims {
		text, _ := c.identity.Claim(claim)
		c.values[i] = encodeHeader(text)
	}
	return c
}

// shareArray lets texts share one array.
func shareArray(texts []*string) {
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
func (c *Credential) attribute(name string) (text string, ok bool) {
	for _, a := range c.attributes {
		if a.name == name {
			return a.text, true
		}
	}
	return "", false
}

// AttributeClaims returns the attributes as the token holds them.
func (c *Credential) AttributeClaims() map[string]any {
	claims := make(map[string]any, len(c.attributes))
	for _, a := range c.attributes {
		claims[a.name] = a.text
		if a.other != nil {
			claims[a.name] = a.other
		}
	}
	return claims
}

// value returns a claim in the form of a header.
func (c *Credential) value(claim string) string {
	if i := slices.Index(c.upstreamClaims, claim); i >= 0 {
		return c.values[i]
	}
	text, _ := c.identity.Claim(claim)
	return encodeHeader(text)
}

// Memory that a credential takes in addition to its texts, in bytes. TestWeightIsNotUnderstated measures it.
const (
	credentialWeight = 600
	attributeWeight  = 140
	objectWeight     = 340
)

// weight returns the approximate size of the credential in the cache, in bytes.
func (c *Credential) weight() uint64 {
	n := credentialWeight + attributeWeight*len(c.attributes)
	for _, a := range c.attributes {
		if object, ok := a.other.(map[string]any); ok {
			n += objectWeight * (1 + len(object)/8)
		}
	}
	for _, value := range c.values {
		n += 2 * len(value) // in the claims, and encoded
	}
	// A minted token has at most the same claims, in base64. Almost every credential soon has one.
	n += (mintedWeight + n/2) * max(1, len(c.minted.load()))
	return uint64(n)
}
