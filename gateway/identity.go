package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// Identity holds the verified user of a request. Its field Subject is the user's pseudonym: Signicat's
// subject.id, never a national number.
type Identity identity.Identity

// Claim returns a claim as the text of an upstream header before its encoding. A claim that is an object
// without a text of its own becomes JSON.
func (i *Identity) Claim(name string) (value string, ok bool) {
	return (*identity.Identity)(i).Claim(name)
}

// Claims returns the names of the claims that [Identity.Claim] knows, in order.
func (i *Identity) Claims() []string { return (*identity.Identity)(i).Claims() }

// IdentityFrom returns the identity of a request from its context, behind a site.
func IdentityFrom(ctx context.Context) (*Identity, bool) {
	s := identity.StateOf(ctx)
	if s == nil || s.Credential == nil {
		return nil, false
	}
	return (*Identity)(s.Credential.Identity()), true
}

// ErrCredential is returned when the credential of a request is refused. Unavailable keys or an unavailable
// store are other errors.
var ErrCredential = errors.New("credential refused")

// Authenticate verifies the bearer or DPoP token of a request, as [Site] does. Without a token it returns nil and no
// error. It returns [ErrCredential] for an invalid token or proof or for two tokens, and another error when the token
// cannot be checked. The error's text is safe to log.
func (g *Gateway) Authenticate(r *http.Request, info RequestInfo, hosts ...string) (*Identity, error) {
	sent := identity.CredentialHeadersOf(r)
	sent.Cookie = nil
	sent.Target = g.proofHosts.with(hosts).targetOf(info.withDefaults(r))
	sent.Checked = (*identity.CheckedProof)(info.Proof)
	c, err := g.guard.Authenticate(r.Context(), sent)
	switch {
	case errors.Is(err, identity.ErrNoCredential):
		return nil, nil
	case err != nil && failureOf(err).status < http.StatusInternalServerError:
		return nil, fmt.Errorf("%w: %w", ErrCredential, err)
	case err != nil:
		return nil, err
	}
	return (*Identity)(c.Identity()), nil
}

// Challenge sets the challenges of a request that [Gateway.Authenticate] refused with this error, nil for one without a
// token, and a nonce for the next proof.
func (g *Gateway) Challenge(h http.Header, r *http.Request, err error) {
	h["Www-Authenticate"] = append(h["Www-Authenticate"], g.config.challenges(identity.CredentialHeadersOf(r), wrongWith(err), nil)...)
	if writeNonce(h, err); h.Get(identity.NonceHeader) != "" {
		noStore(h)
	}
}

// OwnHeaders returns a function that reports whether only the gateway may send a header to an upstream: an
// X-Itsme header or one of names, under any spelling.
func OwnHeaders(names ...string) (owns func(name string) bool) {
	return identity.NewReservedHeaders(names...).Has
}
