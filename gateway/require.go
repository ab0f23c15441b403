package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Bounds of [Requirements].
const (
	// MinLoginAge is the least that may be required of a login's age. Clocks of replicas may be
	// [token.Skew] apart: a login that has just ended must be young enough.
	MinLoginAge = 2 * token.Skew
	// MaxLoginAge bounds it: no login lasts longer.
	MaxLoginAge = MaxRefresh
	// OldestPerson is the highest age in years that counts. An earlier birth date is a placeholder.
	OldestPerson = identity.OldestPerson
)

// Requirements are what a site requires beyond a valid login. The zero value asks for nothing. They are
// checked at every request. Where another login can be enough, the answer is a challenge of RFC 9470; else
// it is 403.
type Requirements struct {
	// LoA is the least level of assurance that the user logged in with. Zero accepts any.
	LoA signicat.LoA

	// MaxAge is how long ago the user may have authenticated, in whole seconds, [MinLoginAge] to
	// [MaxLoginAge]. A refresh does not count. Zero accepts any login that is valid.
	MaxAge time.Duration

	// MinAge is how many years old the user must be today, in Belgium, from the claim birthdate; 1 to
	// [OldestPerson]. A user without a complete birth date is refused. Zero accepts any.
	MinAge int

	// Claims are requirements of the user's claims. All of them must be met.
	Claims []ClaimRequirement
}

// ClaimRequirement lists the values that one claim may have.
type ClaimRequirement struct {
	// Claim is sub or an attribute claim in the token.
	Claim string

	// Values are the texts of which the claim must be one, letter for letter. A user without the claim
	// is refused. At least one.
	Values []string
}

// translated returns the requirements for package identity, which checks them.
func (r Requirements) translated() identity.Requirements {
	claims := make([]identity.ClaimRequirement, len(r.Claims))
	for i, c := range r.Claims {
		claims[i] = identity.ClaimRequirement(c)
	}
	return identity.Requirements{LoA: r.LoA, MaxAge: r.MaxAge, MinAge: r.MinAge, Claims: claims}
}

// validate checks the requirements against the attribute claims that a token can have.
func (r Requirements) validate(claims []string) error {
	if _, err := signicat.ParseLoA(string(r.LoA)); r.LoA != "" && err != nil {
		return configErrorf("require loa: %q is no level of assurance; use low, substantial or high", r.LoA)
	}
	if r.MaxAge != 0 {
		if err := validateDuration("require max_age", r.MaxAge, MinLoginAge, MaxLoginAge); err != nil {
			return err
		}
	}
	if r.MinAge < 0 || r.MinAge > OldestPerson {
		return configErrorf("require min_age: %d is no age in years; use 1 to %d", r.MinAge, OldestPerson)
	}
	if r.MinAge > 0 && !slices.Contains(claims, "birthdate") {
		return configErrorf("require min_age: no token has the claim birthdate; add dateOfBirth to attributes, and birthdate to token claims if those are named")
	}
	return r.validateClaims(claims)
}

func (r Requirements) validateClaims(claims []string) error {
	known := append([]string{"sub"}, claims...)
	for i, c := range r.Claims {
		switch {
		case !slices.Contains(known, c.Claim):
			return configErrorf("require claim: no token has the claim %q; use one of %s, or add its attribute to attributes, and it to token claims if those are named", c.Claim, strings.Join(known, " "))
		case len(c.Values) == 0 || slices.Contains(c.Values, ""):
			return configErrorf("require claim %s: a value is missing; name every value that will do", c.Claim)
		case slices.ContainsFunc(r.Claims[:i], func(before ClaimRequirement) bool { return before.Claim == c.Claim }):
			return configErrorf("require claim %s: stands there twice; name all values in one line, any of them will do", c.Claim)
		}
	}
	return nil
}
