package gateway

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// mintedFor is for how long an access token made from a cookie is used before the next is made, at
// most.
const mintedFor = 5 * time.Minute

// mintedWeight is what an access token takes in memory beside what it says of the person.
const mintedWeight = 600

// minted is an access token that was made from a browser's login, so that not every request of a
// page costs a signature.
type minted struct {
	bearer string
	keyID  string
	until  time.Time
}

// bearerPrefix is the form of RFC 6750 section 2.1 in which every upstream reads it.
const bearerPrefix = "Bearer "

// bearerOf is the Authorization that goes upstream: the access token that was presented, or one
// made from the cookie's claims.
func (g *Gateway) bearerOf(p *passage) (string, error) {
	if p.login.kind == pending.Browser {
		return g.mint(p.login)
	}
	sent := p.sent.authorization[0]
	raw, _ := bearer(sent)
	if strings.HasPrefix(sent, bearerPrefix) && len(sent) == len(bearerPrefix)+len(raw) {
		return sent, nil
	}
	return bearerPrefix + raw, nil
}

// mint makes an access token from a browser's login, which never outlives the cookie's token, or
// takes the one made before. One whose key has left the set is no longer good to any upstream. When
// none can be made, because the cookie's token is at its very end, there is no login.
func (g *Gateway) mint(l *login) (string, error) {
	now := g.now()
	if m := l.minted.Load(); m != nil && now.Before(m.until) && g.signsWith(m.keyID) {
		return m.bearer, nil
	}
	raw, claims, err := g.authority.IssueAccess(token.Claims{
		ID:         l.claims.Login() + "." + g.authority.NewID(),
		Subject:    l.claims.Subject,
		ExpiresAt:  l.claims.ExpiresAt,
		AuthTime:   l.claims.AuthTime,
		ACR:        l.claims.ACR,
		Attributes: l.attributeClaims(),
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoCredential, err)
	}
	lifetime := claims.ExpiresAt.Sub(now)
	m := &minted{bearer: bearerPrefix + raw, keyID: claims.KeyID, until: now.Add(min(mintedFor, lifetime/3))}
	l.minted.Store(m)
	return m.bearer, nil
}

// signsWith reports whether a key is among those that verifiers know.
func (g *Gateway) signsWith(keyID string) bool {
	keys := g.config.Keys.KeySet()
	return keys != nil && keys.Has(keyID)
}
