package identity

import (
	"encoding/json"
	"slices"
	"strconv"
)

// registeredClaims are the claims of every access token.
var registeredClaims = []string{"sub", "acr", "auth_time", "jti", "iss", "client_id", "idp"}

// RegisteredClaims returns the claims that every access token has. The slice is the caller's copy.
func RegisteredClaims() []string { return slices.Clone(registeredClaims) }

// Identity holds the verified user of a request.
type Identity struct {
	// Subject is the user's pseudonym: Signicat's subject.id, never a national number.
	Subject    string
	credential *Credential
}

// Claim returns a claim as the text of an upstream header before its encoding. A claim that is an object
// without a text of its own becomes JSON.
func (i *Identity) Claim(name string) (value string, ok bool) {
	switch c := &i.credential.Claims; name {
	case "sub":
		return c.Subject, true
	case "acr":
		return c.ACR, true
	case "auth_time":
		return strconv.FormatInt(c.AuthTime.Unix(), 10), true
	case "jti":
		return c.ID, true
	case "iss":
		return c.Issuer, true
	case "client_id":
		return c.ClientID, true
	case "idp":
		return c.IDP, true
	}
	return i.credential.attribute(name)
}

// Claims returns the names of the claims that [Identity.Claim] knows, in order.
func (i *Identity) Claims() []string {
	var names []string
	for _, a := range i.credential.attributes {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return slices.Concat(registeredClaims, names)
}

// claimText returns the text of a claim: the formatted form of an address, the value of a national number.
func claimText(claim any) string {
	switch c := claim.(type) {
	case string:
		return c
	case bool:
		return strconv.FormatBool(c)
	case map[string]any:
		for _, member := range []string{"formatted", "value"} {
			if text, ok := c[member].(string); ok {
				return text
			}
		}
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return ""
	}
	return string(text)
}
