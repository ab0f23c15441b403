package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// maxMinted bounds the tokens that are kept with one credential.
	maxMinted = 8
	// mintedWeight is the memory of a minted token in addition to its claims about the user, in bytes.
	mintedWeight = 750
)

// mintedFor says which upstreams may share a minted token: those with one audience and one set of claims.
type mintedFor struct {
	audience string // empty is the gateway's
	claims   string // their names in order, or empty for all
}

// mintedToken is a token that was made for upstreams from a credential. It is reused for a third of its lifetime, so
// that not every request costs a signature, and an upstream gets a token with two thirds left.
type mintedToken struct {
	mintedFor
	bearer string // the value of Authorization
	id     string
	keyID  string
	until  time.Time
}

// mintedTokens holds the tokens that were minted from one credential, at most maxMinted. Readers take no lock.
type mintedTokens struct {
	list atomic.Pointer[[]*mintedToken]
}

func (m *mintedTokens) load() []*mintedToken {
	if list := m.list.Load(); list != nil {
		return *list
	}
	return nil
}

// find returns the kept token for such upstreams, or nil.
func (m *mintedTokens) find(f mintedFor) *mintedToken {
	for _, t := range m.load() {
		if t.mintedFor == f {
			return t
		}
	}
	return nil
}

// keep adds t. t replaces the token for the same upstreams. Without one, and with maxMinted tokens, t replaces the one
// that ends first. t is not kept when another call changes the list at the same time. grown means that the credential
// weighs more: the list has one token more, and it is not the first, which the weight includes from the start.
func (m *mintedTokens) keep(t *mintedToken) (grown bool) {
	before := m.list.Load()
	list := slices.Clone(m.load())
	at := slices.IndexFunc(list, func(other *mintedToken) bool { return other.mintedFor == t.mintedFor })
	switch {
	case at >= 0:
		list[at] = t
	case len(list) < maxMinted:
		list, grown = append(list, t), len(list) > 0
	default:
		first := slices.MinFunc(list, func(a, b *mintedToken) int { return a.until.Compare(b.until) })
		list[slices.Index(list, first)] = t
	}
	return m.list.CompareAndSwap(before, &list) && grown
}

// bearerFor returns the value of Authorization for an upstream: a token that was minted from the credential before, or a
// new one. The client's own token never reaches an upstream. A kept token is replaced when it was revoked, and when its
// key left the set, because no upstream can verify it then.
func (g *Guard) bearerFor(ctx context.Context, c *Credential, u *Upstream) (string, error) {
	now := g.config.Now()
	if t := c.minted.find(u.mintedFor); t != nil && now.Before(t.until) && g.publishes(t.keyID) {
		revoked, err := g.config.Revoked(ctx, store.Credential{TokenID: t.id})
		switch {
		case err != nil:
			return "", err
		case !revoked:
			return t.bearer, nil
		}
	}
	return g.mint(c, u, now)
}

// mint signs a token for an upstream. It never outlives the credential. mint returns [ErrNoCredential] for a cookie and
// [ErrToken] for a bearer token that ends now.
func (g *Guard) mint(c *Credential, u *Upstream, now time.Time) (string, error) {
	claims := token.Claims{
		Parent:     c.Claims.ID,
		Subject:    c.Claims.Subject,
		ExpiresAt:  c.Claims.ExpiresAt,
		AuthTime:   c.Claims.AuthTime,
		ACR:        c.Claims.ACR,
		Attributes: u.only(c.AttributeClaims()),
	}
	if u.mintedFor.audience != "" {
		claims.Audience = []string{u.mintedFor.audience}
	}
	raw, claims, err := g.config.Authority.IssueMinted(claims)
	switch {
	case errors.Is(err, token.ErrNoKeys):
		return "", ErrStarting
	case err != nil && c.Kind == store.Browser:
		return "", fmt.Errorf("%w: %w", ErrNoCredential, err)
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrToken, err)
	}
	t := &mintedToken{
		mintedFor: u.mintedFor, bearer: bearerPrefix + raw, id: claims.ID, keyID: claims.KeyID,
		until: now.Add(claims.ExpiresAt.Sub(now) / 3),
	}
	if c.minted.keep(t) {
		g.cache.weigh(c)
	}
	return t.bearer, nil
}

// publishes reports whether the JWKS holds a key, so that upstreams can verify with it.
func (g *Guard) publishes(keyID string) bool {
	keys := g.config.Keys()
	return keys != nil && keys.Has(keyID)
}
