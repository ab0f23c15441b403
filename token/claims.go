package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Claims holds the claims of a token.
type Claims struct {
	// Issuer (iss) is the issuer of the token. Filled in by this package.
	Issuer string
	// Audience (aud) are the services that accept the token. Filled in by this package, except in a minted token that
	// has one.
	Audience []string
	// ID (jti) is "<login>" or "<login>.<serial>": all tokens of one login share the part before the first dot.
	// An empty ID gets a new random one.
	ID string
	// Subject (sub) is the user's pseudonymous identifier. Required, and UTF-8.
	Subject string
	// ClientID (client_id) is Config.ClientID. Filled in by this package.
	ClientID string
	// IssuedAt (iat) is the time of issue, in whole seconds. Filled in by this package.
	IssuedAt time.Time
	// ExpiresAt (exp) is the token's end, in whole seconds. The configured lifetime bounds it; zero means the end of that
	// lifetime.
	ExpiresAt time.Time
	// AuthTime (auth_time) is the time at which the user authenticated, in whole seconds. Required.
	AuthTime time.Time
	// ACR (acr) is the level of assurance of the login: low, substantial or high. Required.
	ACR string
	// IDP (idp) is always itsme. Filled in by this package.
	IDP string
	// LoginID (sid) is the login of a minted token: the same as Login. Filled in by this package. Other tokens have none.
	LoginID string
	// Parent (parent) is the ID of the token that a minted token was made from. Other tokens have none.
	Parent string
	// KeyThumbprint (cnf.jkt) is the RFC 7638 thumbprint of the client's key, SHA-256 in base64url. A token with it is
	// valid only together with a DPoP proof of that key (RFC 9449 section 6.1). Empty in a bearer token.
	KeyThumbprint string
	// Attributes are the user's claims by their OpenID Connect names: each a string, a bool, or a map[string]any of
	// strings. Invalid UTF-8 becomes U+FFFD. A name for which IsReserved is true is refused.
	Attributes map[string]any
	// KeyID (kid) is the key that signed the token. Filled in by this package.
	KeyID string
}

// Login returns the part of ID that all tokens of one login share.
func (c *Claims) Login() string { return loginOf(c.ID) }

// loginOf returns the part of a token's ID that names its login.
func loginOf(id string) string {
	login, _, _ := strings.Cut(id, ".")
	return login
}

// markSeparator stands between the random part of a login's name and its mark.
const markSeparator = ":"

// Mark returns the mark that [MarkedLogin] added to the login, or "". Most logins have none.
func (c *Claims) Mark() string {
	_, mark, _ := strings.Cut(c.Login(), markSeparator)
	return mark
}

// MarkedLogin returns a login's name with a mark, which is in the ID of every token of the login. The mark has neither a
// colon nor a dot.
func MarkedLogin(login, mark string) string { return login + markSeparator + mark }

// IsReserved reports whether name is a claim about the token and not about the user, or one that common verifiers read
// as a permission. No attribute can have such a name, so no attribute can override one.
func IsReserved(name string) bool {
	switch name {
	case "act", "amr", "at_hash", "authorization_details", "azp", "c_hash", "entitlements", "events", "groups",
		"may_act", "nonce", "permissions", "roles", "s_hash", "scope", "scp", "sub_id":
		return true
	}
	return isRegistered(name)
}

// isRegistered reports whether name is a claim with a field of its own in Claims.
func isRegistered(name string) bool {
	switch name {
	case "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "auth_time", "acr", "idp", "sid", "parent", "cnf":
		return true
	}
	return false
}

// marshal writes the payload: the registered claims in a fixed order, then the attributes by name. Equal claims give
// equal bytes.
func (c *Claims) marshal() ([]byte, error) {
	registered, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
		Subject  string `json:"sub"`
		Expires  int64  `json:"exp"`
		Issued   int64  `json:"iat"`
		ID       string `json:"jti"`
		ClientID string `json:"client_id"`
		AuthTime int64  `json:"auth_time"`
		ACR      string `json:"acr"`
		IDP      string `json:"idp"`
		LoginID  string `json:"sid,omitempty"`
		Parent   string `json:"parent,omitempty"`

		Confirmation confirmation `json:"cnf,omitzero"`
	}{
		c.Issuer, OneOrMany(c.Audience), c.Subject, c.ExpiresAt.Unix(), c.IssuedAt.Unix(), c.ID, c.ClientID,
		c.AuthTime.Unix(), c.ACR, c.IDP, c.LoginID, c.Parent,
		confirmation{c.KeyThumbprint},
	})
	if err != nil || len(c.Attributes) == 0 {
		return registered, err
	}
	attributes, err := json.Marshal(c.Attributes)
	if err != nil {
		return nil, err
	}
	return slices.Concat(registered[:len(registered)-1], []byte(","), attributes[1:]), nil
}

// confirmation is the claim cnf (RFC 7800) of a token that is bound to a key (RFC 9449 section 6.1).
type confirmation struct {
	KeyThumbprint string `json:"jkt,omitempty"`
}

// OneOrMany returns the JSON value of aud. A single audience is a string (RFC 7519 section 4.1.3): some verifiers read
// only strings.
func OneOrMany(audience []string) any {
	if len(audience) == 1 {
		return audience[0]
	}
	return audience
}

// cleanAttributes returns a copy with valid UTF-8, or ErrClaims.
func cleanAttributes(attributes map[string]any) (map[string]any, error) {
	clean := make(map[string]any, len(attributes))
	for name, value := range attributes {
		var err error
		if clean[name], err = cleanAttribute(name, value); err != nil {
			return nil, err
		}
	}
	return clean, nil
}

// cleanAttribute returns a copy of an attribute's value.
func cleanAttribute(name string, value any) (any, error) {
	if name == "" || valid(name) != name || IsReserved(name) {
		return nil, fmt.Errorf("%w: an attribute's name is reserved or not text", ErrClaims)
	}
	return cleanValue(value)
}

func cleanValue(value any) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		return valid(v), nil
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			text, ok := member.(string)
			if !ok || valid(name) != name {
				return nil, fmt.Errorf("%w: an attribute has a member that is not a string", ErrClaims)
			}
			clean[name] = valid(text)
		}
		return clean, nil
	}
	return nil, fmt.Errorf("%w: an attribute is not a string, a bool or an object of strings", ErrClaims)
}

// valid replaces invalid UTF-8 by U+FFFD, because JSON cannot carry it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
