package identity

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// upstreamTokenLifetime is how long an access token that was made from a cookie is used, at most, before
// the next is made.
const upstreamTokenLifetime = 5 * time.Minute

// upstreamTokenWeight is what an access token takes in memory beside its claims about the user.
const upstreamTokenWeight = 600

// upstreamToken is an access token that was made from a browser's credential, so that not every request
// of a page costs a signature.
type upstreamToken struct {
	bearer string
	keyID  string
	until  time.Time
}

// bearerOf returns the Authorization that goes upstream: the access token that the client sent, or one
// made from the cookie's claims.
func (v *Verifier) bearerOf(s *RequestState) (string, error) {
	if s.Credential.Kind == store.Browser {
		return v.upstreamToken(s.Credential)
	}
	sent := s.Sent.Authorization[0]
	raw, _ := bearer(sent)
	if strings.HasPrefix(sent, bearerPrefix) && len(sent) == len(bearerPrefix)+len(raw) {
		return sent, nil
	}
	return bearerPrefix + raw, nil
}

// upstreamToken makes an access token from a browser's credential, or returns the one made before. The
// access token never outlives the cookie's token. One whose key has left the set is of no use to an
// upstream. It returns [ErrNoCredential] when the cookie's token is at its very end.
func (v *Verifier) upstreamToken(c *Credential) (string, error) {
	now := v.config.Now()
	if t := c.upstreamToken.Load(); t != nil && now.Before(t.until) && v.verifiesWith(t.keyID) {
		return t.bearer, nil
	}
	raw, claims, err := v.config.Authority.IssueAccess(token.Claims{
		ID:         c.Claims.Login() + "." + v.config.Authority.NewID(),
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
	t := &upstreamToken{bearer: bearerPrefix + raw, keyID: claims.KeyID, until: now.Add(min(upstreamTokenLifetime, lifetime/3))}
	c.upstreamToken.Store(t)
	return t.bearer, nil
}

// verifiesWith reports whether a key is among those that upstreams verify with.
func (v *Verifier) verifiesWith(keyID string) bool {
	keys := v.config.Keys()
	return keys != nil && keys.Has(keyID)
}
