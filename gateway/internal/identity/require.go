package identity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// Errors of requests with a valid credential.
var (
	// ErrInsufficient is returned when another login can be enough.
	ErrInsufficient = errors.New("login is not enough")
	// ErrRequirement is returned when the user does not meet a requirement, and no login changes that.
	ErrRequirement = errors.New("requirement not met")
)

// Requirements holds what a site requires beyond a valid credential. gateway.Requirements documents and
// validates the fields.
type Requirements struct {
	LoA    signicat.LoA
	MaxAge time.Duration
	MinAge int
	Claims []ClaimRequirement
}

// ClaimRequirement lists the values that one claim may have.
type ClaimRequirement struct {
	Claim  string
	Values []string
}

// StepUp is an [ErrInsufficient] that names the login that would be enough. The zero value accepts any login.
type StepUp struct {
	// LoA is the lowest level of assurance. Empty accepts any.
	LoA signicat.LoA
	// MaxAge bounds the time since the user authenticated. Zero accepts any.
	MaxAge time.Duration
}

// Error implements error.
func (*StepUp) Error() string { return ErrInsufficient.Error() }

// Is reports that a StepUp is an [ErrInsufficient].
func (*StepUp) Is(target error) bool { return target == ErrInsufficient }

// With adds the requirements of another site, so that one login is enough for both.
func (s StepUp) With(r Requirements) StepUp {
	if !s.LoA.AtLeast(r.LoA) && r.LoA != "" {
		s.LoA = r.LoA
	}
	if r.MaxAge > 0 && (s.MaxAge == 0 || r.MaxAge < s.MaxAge) {
		s.MaxAge = r.MaxAge
	}
	return s
}

// MaxAgeSeconds returns MaxAge as the parameter max_age.
func (s StepUp) MaxAgeSeconds() string { return strconv.Itoa(int(s.MaxAge / time.Second)) }

// Challenge returns the parameters of a challenge (RFC 9470 section 3). It names every requirement, also
// those that are met: a new login for the missing one alone could lack the others.
func (s StepUp) Challenge() []string {
	params := []string{`error="insufficient_user_authentication"`, `error_description="Another login is required"`}
	if s.LoA != "" {
		params = append(params, `acr_values="`+string(s.LoA)+`"`)
	}
	if s.MaxAge > 0 {
		params = append(params, `max_age="`+s.MaxAgeSeconds()+`"`)
	}
	return params
}

// Check returns nil or the requirement that a credential does not meet. The challenge asks for the
// requirements of all sites. Requirements of the user come first: a login would not help, so none is
// requested.
func (r Requirements) Check(c *Credential, asked StepUp, now time.Time) error {
	if r.MinAge > 0 && !c.completed(r.MinAge, now) {
		return fmt.Errorf("%w: min_age", ErrRequirement)
	}
	for _, required := range r.Claims {
		if value, ok := c.identity.Claim(required.Claim); !ok || !slices.Contains(required.Values, value) {
			return fmt.Errorf("%w: claim %s", ErrRequirement, required.Claim)
		}
	}
	low := r.LoA != "" && !signicat.LoA(c.Claims.ACR).AtLeast(r.LoA)
	old := r.MaxAge > 0 && now.Sub(c.Claims.AuthTime) > r.MaxAge
	if !low && !old {
		return nil
	}
	enough := asked // copied here so that a request that passes costs no allocation
	return &enough
}

// completed reports whether the user completed that many years: by the birth date if the credential has one, else by an
// age claim of as many years or more.
func (c *Credential) completed(years int, now time.Time) bool {
	if c.birthdate != "" {
		age, ok := attribute.Age(c.birthdate, now)
		return ok && age >= years
	}
	return slices.ContainsFunc(c.attributes, func(a attributeValue) bool {
		over, ok := attribute.AgeOver(a.name)
		return ok && over >= years && a.other == true
	})
}
