package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// proofHeader carries a DPoP proof, as net/http spells it.
	proofHeader = "Dpop"
	// NonceHeader carries a nonce for the client's next proof, as net/http spells it.
	NonceHeader = "Dpop-Nonce"
	// dpopScheme is the scheme of a token that is bound to a key (RFC 9449 section 7.1).
	dpopScheme = "DPoP"
)

// Target is what a proof must be for. The zero value fits no proof.
type Target struct {
	// Method is the method as the client sent it.
	Method string
	// URL is the URL as the client used it.
	URL string
}

// CheckedProof is the result of the check of one request's proof. The sites and the authentication provider on the way of
// the request share it: a proof passes once, and the request may meet several of them.
type CheckedProof struct {
	// FreshNonce is a nonce for the answer, or empty.
	FreshNonce string

	by     *Guard
	of     string // the proof
	token  string
	target Target
}

// UsesDPoP reports whether the client names the scheme DPoP, in any spelling.
func (s CredentialHeaders) UsesDPoP() bool {
	return slices.ContainsFunc(s.Authorization, func(value string) bool { _, ok := dpopToken(value); return ok })
}

// UsesBearer reports whether the client names the scheme Bearer, in any spelling.
func (s CredentialHeaders) UsesBearer() bool {
	return slices.ContainsFunc(s.Authorization, func(value string) bool { _, ok := bearer(value); return ok })
}

// dpopToken reads a token that is bound to a key. A value that begins with the scheme for some server is one, even when it
// is malformed: it never falls back to the cookie.
func dpopToken(value string) (raw string, ok bool) {
	if raw, ok = credential(value, dpopScheme); ok {
		return raw, true
	}
	first := strings.TrimLeftFunc(value, notTokenChar)
	if end := strings.IndexFunc(first, notTokenChar); end >= 0 {
		first = first[:end]
	}
	return "", strings.EqualFold(first, dpopScheme)
}

// isDPoP reports whether a value is a DPoP credential, or holds the word anywhere: an upstream may split it elsewhere.
func isDPoP(value string) bool {
	_, ok := dpopToken(value)
	return ok || slices.ContainsFunc(wordsIn(value), func(word string) bool { return strings.EqualFold(word, dpopScheme) })
}

// DropDPoP removes every DPoP credential from a header. No upstream gets a token that is bound to a client's key.
func DropDPoP(h http.Header) { dropLines(h, isDPoP) }

// verifyBearer verifies a token that comes without a proof. A token that is bound to a key is refused: a thief has no
// proof.
func (g *Guard) verifyBearer(ctx context.Context, raw string) (*Credential, error) {
	c, err := g.verify(ctx, store.App, raw)
	switch {
	case err != nil:
		return nil, err
	case c.bound():
		return nil, fmt.Errorf("%w: it is bound to a key, and there is no proof", ErrToken)
	case g.config.KeyRequired:
		return nil, fmt.Errorf("%w: it is not bound to a key", ErrToken)
	}
	return c, nil
}

// verifyBound verifies a token that comes with a proof. The proof is bounded first. The token comes before the proof,
// because a kept token costs little.
func (g *Guard) verifyBound(ctx context.Context, sent CredentialHeaders, raw string) (*Credential, error) {
	proof, err := dpop.One(sent.DPoP)
	if err != nil {
		return nil, err
	}
	c, err := g.verify(ctx, store.App, raw)
	if err != nil {
		return nil, err
	}
	if !c.bound() {
		return nil, fmt.Errorf("%w: it is not bound to a key", ErrToken)
	}
	now := CheckedProof{by: g, of: proof, token: raw, target: sent.Target}
	if sent.Checked != nil && sent.Checked.same(now) {
		return c, nil
	}
	if now.FreshNonce, err = g.checkProof(now, c.Claims.KeyThumbprint); err != nil {
		return nil, err
	}
	if sent.Checked != nil {
		*sent.Checked = now
	}
	return c, nil
}

// same reports whether a check was made before in this request. The token is verified at every check.
func (p *CheckedProof) same(now CheckedProof) bool {
	return p.by == now.by && p.of == now.of && p.token == now.token && p.target == now.target
}

// checkProof checks a proof and uses it up.
func (g *Guard) checkProof(p CheckedProof, thumbprint string) (freshNonce string, err error) {
	proof, err := g.config.Proofs.Check(p.of, dpop.Request{
		Method: p.target.Method, URL: p.target.URL, Token: p.token, Thumbprint: thumbprint,
	})
	if err == nil {
		err = g.config.Proofs.Use(proof)
	}
	if errors.Is(err, token.ErrNoKeys) {
		return "", ErrStarting
	}
	return proof.FreshNonce, err
}
