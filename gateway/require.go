package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Bounds of [Requirements].
const (
	// MinLoginAge is the smallest max_age that a site may require. The clocks of replicas may be [token.Skew]
	// apart, and a login that just ended must be young enough on all of them.
	MinLoginAge = 2 * token.Skew
	// MaxLoginAge is the largest max_age that a site may require. No login lasts longer.
	MaxLoginAge = MaxRefresh
	// OldestPerson is the highest age in years that the gateway believes. An earlier birth date is a
	// placeholder.
	OldestPerson = attribute.OldestPerson
)

// Requirements holds what a site requires beyond a valid login. The zero value requires nothing. The site
// checks them at every request. Where another login can be enough, the answer is a challenge of RFC 9470.
// Otherwise it is 403.
type Requirements struct {
	// LoA is the lowest level of assurance of a login. Zero accepts any.
	LoA signicat.LoA

	// MaxAge bounds the time since the user authenticated, in whole seconds, [MinLoginAge] to [MaxLoginAge].
	// A refresh does not count as authentication. Zero accepts any valid login.
	MaxAge time.Duration

	// MinAge is the least age of the user in years, today in Belgium; 1 to [OldestPerson]. It is computed from the
	// birth date where the credential has one: a cookie, an encrypted token, or a token with the claim birthdate.
	// Another token needs a claim age_over_<n> of at least MinAge that is true. A user without either is refused.
	// Zero accepts any.
	MinAge int

	// Claims lists requirements of the user's claims. The user must meet all of them.
	Claims []ClaimRequirement
}

// ClaimRequirement lists the values that one claim may have.
type ClaimRequirement struct {
	// Claim is sub or an attribute claim in the token.
	Claim string

	// Values lists the accepted texts of the claim, compared byte for byte. A user without the claim is
	// refused. At least one.
	Values []string
}

// forIdentity returns the requirements for package identity, which checks them.
func (r Requirements) forIdentity() identity.Requirements {
	claims := make([]identity.ClaimRequirement, len(r.Claims))
	for i, c := range r.Claims {
		claims[i] = identity.ClaimRequirement(c)
	}
	return identity.Requirements{LoA: r.LoA, MaxAge: r.MaxAge, MinAge: r.MinAge, Claims: claims}
}

// validate checks the requirements against the attribute claims that a token can have.
func (r Requirements) validate(claims []string) error {
	if _, err := signicat.ParseLoA(string(r.LoA)); r.LoA != "" && err != nil {
		return configErrorf("require loa: %q is not a level of assurance; use low, substantial or high", r.LoA)
	}
	if r.MaxAge != 0 {
		if err := validateDuration("require max_age", r.MaxAge, MinLoginAge, MaxLoginAge); err != nil {
			return err
		}
	}
	if r.MinAge < 0 || r.MinAge > OldestPerson {
		return configErrorf("require min_age: %d is not an age in years; use 1 to %d", r.MinAge, OldestPerson)
	}
	return r.validateClaims(claims)
}

// validateAge checks that the credentials of the gateway show whether a user has the age.
func (r Requirements) validateAge(c Config) error {
	switch {
	case r.MinAge == 0:
		return nil
	case !slices.Contains(c.Attributes, birthDateAttribute):
		return configErrorf("require min_age: the gateway does not request the birth date; add dateOfBirth to attributes")
	case c.Token.Encrypted || slices.Contains(c.Token.Claims, attribute.BirthDate) || slices.ContainsFunc(c.Token.Claims, attribute.IsAge):
		return nil
	}
	return configErrorf("require min_age: the token of an app does not show the age; add %s to token claims, or encrypted to token", attribute.AgeClaim(r.MinAge))
}

// LacksAgeClaim returns the claim age_over_<n> that min_age of the site needs in the tokens of apps, so that an app gets
// the same answer as a browser, whose cookie holds the birth date. It returns nothing when those tokens show enough.
func (s *Site) LacksAgeClaim() string {
	claim, tokens := attribute.AgeClaim(s.config.Require.MinAge), s.gateway.config.Token
	if s.config.Require.MinAge == 0 || tokens.Encrypted || slices.Contains(tokens.Claims, attribute.BirthDate) || slices.Contains(tokens.Claims, claim) {
		return ""
	}
	return claim
}

func (r Requirements) validateClaims(claims []string) error {
	known := append([]string{"sub"}, claims...)
	for i, c := range r.Claims {
		switch {
		case !slices.Contains(known, c.Claim):
			return configErrorf("require claim: no token has the claim %q; use one of %s, or add its attribute to attributes, and it to token claims if those are named", c.Claim, strings.Join(known, " "))
		case len(c.Values) == 0 || slices.Contains(c.Values, ""):
			return configErrorf("require claim %s: a value is missing; list every accepted value", c.Claim)
		case slices.ContainsFunc(r.Claims[:i], func(before ClaimRequirement) bool { return before.Claim == c.Claim }):
			return configErrorf("require claim %s: is listed twice; list all accepted values on one line", c.Claim)
		}
		wrong := slices.IndexFunc(c.Values, func(value string) bool { return value != "true" && value != "false" })
		if wrong >= 0 && isBoolean(c.Claim) {
			return configErrorf("require claim %s: %q is no value of it; use true or false", c.Claim, c.Values[wrong])
		}
	}
	return nil
}

// isBoolean reports whether the text of a claim is true or false.
func isBoolean(claim string) bool { return attribute.IsAge(claim) || claim == "email_verified" }
