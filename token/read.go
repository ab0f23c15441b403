package token

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// maxTime bounds the times in a token, in seconds since 1970: the year 36812.
const maxTime = 1 << 40

// read returns the claims of a payload whose signature holds.
func (a *Authority) read(k kind, payload []byte) (*Claims, error) {
	members, err := parseObject(payload)
	if err != nil {
		return nil, err
	}
	if members["iss"] != a.issuer {
		return nil, ErrIssuer
	}
	if _, minted := members["sid"]; minted != k.minted {
		return nil, ErrMinted
	}
	audience := texts(members["aud"])
	if !k.allows(audience) {
		return nil, ErrAudience
	}
	r := reader{members: members}
	claims := &Claims{
		Issuer:     a.issuer,
		Audience:   audience,
		ID:         r.text("jti"),
		Subject:    r.text("sub"),
		ClientID:   r.text("client_id"),
		IssuedAt:   r.second("iat"),
		ExpiresAt:  r.second("exp"),
		AuthTime:   r.second("auth_time"),
		ACR:        r.text("acr"),
		IDP:        r.text("idp"),
		LoginID:    r.optionalText("sid"),
		Parent:     r.optionalText("parent"),
		Attributes: r.attributes(),

		KeyThumbprint: r.keyThumbprint(),
	}
	// This package writes no nbf. A token with one is not valid before it.
	notBefore := claims.IssuedAt
	if _, ok := members["nbf"]; ok {
		notBefore = r.second("nbf")
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := claims.check(k); err != nil {
		return nil, err
	}
	a.share(k, claims)
	return claims, claims.checkTime(a.now(), notBefore)
}

// allows reports whether a token of the kind may have an audience. A minted token is for any one service: the gateway
// that reads it is not the service.
func (k kind) allows(audience []string) bool {
	if k.minted {
		return len(audience) > 0 && !slices.Contains(audience, "")
	}
	return slices.ContainsFunc(audience, func(one string) bool { return slices.Contains(k.audience, one) })
}

// levels are the valid values of acr.
var levels = []string{"low", "substantial", "high"}

// check refuses claims that no token of this package has, issued or read.
func (c *Claims) check(k kind) error {
	switch {
	// Unlike in attributes, invalid UTF-8 is not replaced: two users must not get the same sub.
	case c.Subject == "" || valid(c.Subject) != c.Subject:
		return fmt.Errorf("%w: sub is empty or not UTF-8", ErrClaims)
	case c.Login() == "" || valid(c.ID) != c.ID:
		return fmt.Errorf("%w: jti has no login or is not UTF-8", ErrClaims)
	case k.minted && (c.LoginID != c.Login() || loginOf(c.Parent) != c.Login() || valid(c.Parent) != c.Parent):
		return fmt.Errorf("%w: sid or parent is of another login", ErrClaims)
	case !k.minted && c.Parent != "":
		return fmt.Errorf("%w: parent is for minted tokens", ErrClaims)
	case c.ClientID == "":
		return fmt.Errorf("%w: client_id is empty", ErrClaims)
	case !slices.Contains(levels, c.ACR):
		return fmt.Errorf("%w: acr is not low, substantial or high", ErrClaims)
	case c.IDP != idp:
		return fmt.Errorf("%w: idp is not %s", ErrClaims, idp)
	case c.KeyThumbprint != "" && !ValidThumbprint(c.KeyThumbprint):
		return fmt.Errorf("%w: cnf.jkt is not a SHA-256 thumbprint", ErrClaims)
	case c.AuthTime.Unix() <= 0 || c.AuthTime.Unix() >= maxTime:
		return fmt.Errorf("%w: auth_time is out of range", ErrClaims)
	}
	return nil
}

// share replaces texts that many tokens have in common by one copy, because callers keep the claims of many tokens.
func (a *Authority) share(k kind, c *Claims) {
	c.IDP, c.ACR = idp, levels[slices.Index(levels, c.ACR)]
	if c.ClientID == a.clientID {
		c.ClientID = a.clientID
	}
	for i, audience := range c.Audience {
		if known := slices.Index(k.audience, audience); known >= 0 {
			c.Audience[i] = k.audience[known]
		}
	}
}

func (c *Claims) checkTime(now, notBefore time.Time) error {
	if !now.Before(c.ExpiresAt.Add(Skew)) {
		return ErrExpired
	}
	if latest := now.Add(Skew); latest.Before(c.IssuedAt) || latest.Before(notBefore) {
		return ErrNotYetValid
	}
	return nil
}

// reader reads claims of a payload and keeps the first error.
type reader struct {
	members map[string]any
	err     error
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s is not %s", ErrClaims, name, want)
	}
}

func (r *reader) text(name string) string {
	text, ok := r.members[name].(string)
	if !ok {
		r.fail(name, "a string")
	}
	return text
}

// optionalText is text for a claim that a token may lack.
func (r *reader) optionalText(name string) string {
	if _, ok := r.members[name]; !ok {
		return ""
	}
	return r.text(name)
}

// second reads a time in whole seconds. RFC 7519 allows fractions and exponents, but tokens of this package have none,
// and verifiers read 1e300 or -1 differently.
func (r *reader) second(name string) time.Time {
	number, _ := r.members[name].(json.Number)
	seconds, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || seconds <= 0 || seconds >= maxTime {
		r.fail(name, "a time in whole seconds")
	}
	return time.Unix(seconds, 0).UTC()
}

// keyThumbprint reads cnf. It refuses every other way to confirm a token: this package would ignore it, and accept the
// token from a client that cannot confirm it.
func (r *reader) keyThumbprint() string {
	value, ok := r.members["cnf"]
	if !ok {
		return ""
	}
	confirmation, _ := value.(map[string]any)
	thumbprint, _ := confirmation["jkt"].(string)
	if len(confirmation) != 1 || thumbprint == "" {
		r.fail("cnf", "an object with jkt alone")
	}
	return thumbprint
}

// attributes returns the members that are not registered claims.
func (r *reader) attributes() map[string]any {
	attributes := make(map[string]any)
	for name, value := range r.members {
		if isRegistered(name) {
			continue
		}
		clean, err := cleanAttribute(name, value)
		if err != nil && r.err == nil {
			r.err = err
		}
		attributes[name] = clean
	}
	return attributes
}

// texts reads a string or an array of strings; nil for anything else.
func texts(value any) []string {
	if one, ok := value.(string); ok {
		return []string{one}
	}
	many, _ := value.([]any)
	all := make([]string, 0, len(many))
	for _, element := range many {
		text, ok := element.(string)
		if !ok {
			return nil
		}
		all = append(all, text)
	}
	return all
}
