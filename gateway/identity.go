package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Identity is who a request was authenticated as.
type Identity struct {
	// Subject is the pseudonym of the person: Signicat's subject.id, never a national number.
	Subject string
	login   *login
}

// Claim returns a claim as the text that an upstream header holds before its encoding, or as
// JSON when the claim is an object without a text of its own.
func (i *Identity) Claim(name string) (value string, ok bool) {
	switch c := &i.login.claims; name {
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
	return i.login.attribute(name)
}

// Claims are the names of the claims that [Identity.Claim] knows, in order.
func (i *Identity) Claims() []string {
	var names []string
	for _, a := range i.login.attributes {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return slices.Concat(registeredClaims, names)
}

// claimText is the text of a claim: of an address its formatted form, of a national number its
// value.
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

// passage is what the sites that a request went through know of it.
type passage struct {
	gateway  *Gateway
	sent     credentials // as they came, before the first site stripped them
	login    *login      // nil: nobody
	identity *Identity
	required stepUp // of a login, by all of them
	cookie   string // the Set-Cookie that the answer is to have
	answered *answered
	first    answered // where answered is for the first passage of a request
}

// writeCookie sets the cookie of the answer, once.
func (p *passage) writeCookie(h http.Header) {
	if p.cookie == "" {
		return
	}
	if !slices.Contains(h["Set-Cookie"], p.cookie) {
		h.Add("Set-Cookie", p.cookie)
	}
	p.answered.personal = true
	p.answered.cookies = append(p.answered.cookies, p.cookie)
}

type passageKey struct{}

func passageOf(ctx context.Context) *passage {
	p, _ := ctx.Value(passageKey{}).(*passage)
	return p
}

// IdentityFrom returns who a request was authenticated as, from the context of the request that
// a site handed on.
func IdentityFrom(ctx context.Context) (*Identity, bool) {
	p := passageOf(ctx)
	if p == nil || p.identity == nil {
		return nil, false
	}
	return p.identity, true
}

// encodeHeader writes a value so that it fits into a header, whatever it holds: every byte of
// its UTF-8 outside printable ASCII, the percent sign, and blanks at either end become %XX.
func encodeHeader(value string) string {
	if plain(value) {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		edge := c == ' ' && (i == 0 || i == len(value)-1)
		if c < ' ' || c > '~' || c == '%' || edge {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return value == "" || (value[0] != ' ' && value[len(value)-1] != ' ')
}
