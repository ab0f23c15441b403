package gateway

import (
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

const (
	// maxMinted bounds how many access tokens made from cookies are kept; the least used go.
	maxMinted = 10_000
	// mintedFor is for how long one is used before the next is made, at most.
	mintedFor = 5 * time.Minute
)

// mintCache keeps the access tokens that were made from browsers' logins, by the session
// token's jti, so that not every request of a page costs a signature.
type mintCache struct {
	tokens *otter.Cache[string, minted]
}

type minted struct {
	raw   string
	until time.Time
}

func newMintCache() (*mintCache, error) {
	tokens, err := otter.New(&otter.Options[string, minted]{MaximumSize: maxMinted})
	if err != nil {
		return nil, err
	}
	return &mintCache{tokens}, nil
}

// accessToken is the access token of a login: the bearer itself, or one made from the cookie's
// claims, which never outlives the cookie's token. When none can be made, because the cookie's
// token is at its very end, there is no login.
func (g *Gateway) accessToken(l *login) (string, error) {
	if l.kind == pending.App {
		return l.raw, nil
	}
	now := g.now()
	if kept, ok := g.minted.tokens.GetIfPresent(l.claims.ID); ok && now.Before(kept.until) {
		return kept.raw, nil
	}
	raw, claims, err := g.authority.IssueAccess(token.Claims{
		ID:         l.claims.Login() + "." + g.authority.NewID(),
		Subject:    l.claims.Subject,
		ExpiresAt:  l.claims.ExpiresAt,
		AuthTime:   l.claims.AuthTime,
		ACR:        l.claims.ACR,
		Attributes: l.claims.Attributes,
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoCredential, err)
	}
	lifetime := claims.ExpiresAt.Sub(now)
	g.minted.tokens.Set(l.claims.ID, minted{raw: raw, until: now.Add(min(mintedFor, lifetime/3))})
	return raw, nil
}
