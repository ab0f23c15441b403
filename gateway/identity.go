package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// Identity is who a request is from. Its field Subject is the pseudonym of the user: Signicat's
// subject.id, never a national number.
type Identity identity.Identity

// Claim returns a claim as the text of an upstream header before its encoding; as JSON when the claim is
// an object without a text of its own.
func (i *Identity) Claim(name string) (value string, ok bool) {
	return (*identity.Identity)(i).Claim(name)
}

// Claims returns the names of the claims that [Identity.Claim] knows, in order.
func (i *Identity) Claims() []string { return (*identity.Identity)(i).Claims() }

// IdentityFrom returns who a request is from, by the context of the request that a site passed on.
func IdentityFrom(ctx context.Context) (*Identity, bool) {
	s := identity.StateOf(ctx)
	if s == nil || s.Credential == nil {
		return nil, false
	}
	return (*Identity)(s.Credential.Identity()), true
}

// ErrCredential is returned when a request's credential is refused: the client's fault, in
// contrast to a store or keys that are not there.
var ErrCredential = errors.New("credential refused")

// Authenticate verifies a request's bearer token. It returns nil and no error when the request
// carries none, [ErrCredential] when it carries an invalid one or two of them, and another error when
// the token cannot be checked. The error's text is safe to log.
func (g *Gateway) Authenticate(r *http.Request) (*Identity, error) {
	c, err := g.verifier.Authenticate(r.Context(), identity.Sent{Authorization: r.Header["Authorization"]})
	switch {
	case errors.Is(err, identity.ErrNoCredential):
		return nil, nil
	case errors.Is(err, identity.ErrToken), errors.Is(err, identity.ErrAmbiguous):
		return nil, fmt.Errorf("%w: %w", ErrCredential, err)
	case err != nil:
		return nil, err
	}
	return (*Identity)(c.Identity()), nil
}

// OwnHeaders returns a test for the names of headers that only the gateway may send to an upstream,
// under any spelling: the X-Itsme ones, and the given ones.
func OwnHeaders(names ...string) (owns func(name string) bool) {
	return identity.NewHeaders(names...).Has
}
