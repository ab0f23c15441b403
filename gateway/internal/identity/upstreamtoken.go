package identity

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// upstreamTokenReuse bounds the time in which an access token made from a cookie is reused. A token is
// also reused for at most a third of its lifetime, so that an upstream gets one with two thirds left.
const upstreamTokenReuse = 5 * time.Minute

// upstreamTokenWeight is the memory of an access token in addition to its claims about the user, in bytes.
const upstreamTokenWeight = 600

// upstreamToken is an access token made from a browser's credential. It is reused, so that not every request
// costs a signature.
type upstreamToken struct {
	bearer string
	keyID  string
	until  time.Time
}

// bearerOf returns the value of Authorization for the upstream: the access token that the client sent, or one
// made from the cookie's claims.
func (g *Guard) bearerOf(s *RequestState) (string, error) {
	if s.Credential.Kind == store.Browser || s.Credential.bound() {
		return g.upstreamToken(s.Credential)
	}
	sent := s.Sent.Authorization[0]
	raw, _ := bearer(sent)
	if strings.HasPrefix(sent, bearerPrefix) && len(sent) == len(bearerPrefix)+len(raw) {
		return sent, nil
	}
	return bearerPrefix + raw, nil
}

// upstreamToken returns an access token for a browser's credential: the one made before, or a new one. The
// access token never outlives the session token. A token whose key has left the set is replaced, because no
// upstream can verify it. It returns [ErrNoCredential] when no token can be made, for example because
// the session token ends now.
func (g *Guard) upstreamToken(c *Credential) (string, error) {
	now := g.config.Now()
	if t := c.upstreamToken.Load(); t != nil && now.Before(t.until) && g.publishes(t.keyID) {
		return t.bearer, nil
	}
	raw, claims, err := g.config.Authority.IssueAccess(token.Claims{
		ID:         c.Claims.Login() + "." + g.config.Authority.NewID(),
		Subject:    c.Claims.Subject,
		ExpiresAt:  c.Claims.ExpiresAt,
		AuthTime:   c.Claims.AuthTime,
		ACR:        c.Claims.ACR,
		Attributes: c.AttributeClaims(),
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoCredential, err)
	}
	lifetime := claims.ExpiresAt.Sub(now)
	t := &upstreamToken{bearer: bearerPrefix + raw, keyID: claims.KeyID, until: now.Add(min(upstreamTokenReuse, lifetime/3))}
	c.upstreamToken.Store(t)
	return t.bearer, nil
}

// publishes reports whether the JWKS holds a key, so that upstreams can verify with it.
func (g *Guard) publishes(keyID string) bool {
	keys := g.config.Keys()
	return keys != nil && keys.Has(keyID)
}
