package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Introspect returns the claims of an access token, or of a minted one, that is valid now. It returns [ErrToken] for
// every other text, and for a token that was revoked, itself or its parent. Unlike a token of a request, the token gets
// no [token.Skew] after its end: the caller may keep the answer.
func (g *Guard) Introspect(ctx context.Context, raw string) (*token.Claims, error) {
	claims, err := g.config.Authority.VerifyAccess(raw)
	if errors.Is(err, token.ErrMinted) {
		claims, err = g.config.Authority.VerifyMinted(raw)
	}
	switch {
	case errors.Is(err, token.ErrNoKeys):
		return nil, ErrStarting
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	case !g.config.Now().Before(claims.ExpiresAt):
		return nil, fmt.Errorf("%w: %w", ErrToken, token.ErrExpired)
	}
	revoked, err := g.config.Revoked(ctx, StoreCredential(claims))
	if err == nil && !revoked && claims.Parent != "" {
		revoked, err = g.config.Revoked(ctx, store.Credential{TokenID: claims.Parent})
	}
	if revoked && err == nil {
		err = fmt.Errorf("%w: revoked", ErrToken)
	}
	return claims, err
}
