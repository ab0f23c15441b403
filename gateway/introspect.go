package gateway

import (
	"errors"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// introspection holds the members of RFC 7662 section 2.2 about an access token. It never holds attributes of
// the user: a service that needs them reads the token.
type introspection struct {
	Active    bool   `json:"active"`
	Issuer    string `json:"iss,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  any    `json:"aud,omitempty"` // a string, or a list of several, as in the token
	ClientID  string `json:"client_id,omitempty"`
	ExpiresAt int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	ID        string `json:"jti,omitempty"`
	ACR       string `json:"acr,omitempty"`
	AuthTime  int64  `json:"auth_time,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	LoginID   string `json:"sid,omitempty"`    // of a minted token
	Parent    string `json:"parent,omitempty"` // of a minted token

	Confirmation *keyConfirmation `json:"cnf,omitempty"`
}

// keyConfirmation names the key that a token is bound to (RFC 9449 section 6.2).
type keyConfirmation struct {
	KeyThumbprint string `json:"jkt"`
}

// serveIntrospect answers POST /introspect (RFC 7662) for the peers of verify. Every text that is not a valid
// access token of this gateway gets the same answer.
func (g *Gateway) serveIntrospect(x exchange) error {
	form, err := readForm(x.r, "token", "token_type_hint")
	if err != nil {
		return err
	}
	raw := form.Get("token")
	if raw == "" {
		return requestErrorf("token is required")
	}
	claims, err := g.guard.Introspect(x.r.Context(), raw)
	switch {
	case errors.Is(err, identity.ErrToken):
		writeJSON(x.w, http.StatusOK, "application/json", introspection{})
		return nil
	case err != nil:
		return err
	}
	writeJSON(x.w, http.StatusOK, "application/json", introspectionOf(claims))
	return nil
}

func introspectionOf(c *token.Claims) introspection {
	answer := introspection{
		Active:    true,
		Issuer:    c.Issuer,
		Subject:   c.Subject,
		Audience:  token.OneOrMany(c.Audience),
		ClientID:  c.ClientID,
		ExpiresAt: c.ExpiresAt.Unix(),
		IssuedAt:  c.IssuedAt.Unix(),
		ID:        c.ID,
		ACR:       c.ACR,
		AuthTime:  c.AuthTime.Unix(),
		TokenType: tokenType(c.KeyThumbprint),
		LoginID:   c.LoginID,
		Parent:    c.Parent,
	}
	if c.KeyThumbprint != "" {
		answer.Confirmation = &keyConfirmation{c.KeyThumbprint}
	}
	return answer
}
