package identity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// Why a request with a valid credential is refused.
var (
	// ErrInsufficient is returned when another login can be enough.
	ErrInsufficient = errors.New("login is not enough")
	// ErrRequirement is returned when the user does not meet a requirement, and no login changes that.
	ErrRequirement = errors.New("requirement not met")
)

// Requirements are what a site requires beyond a valid credential. Their fields are those of
// gateway.Requirements, which documents and validates them.
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

// StepUp is an [ErrInsufficient] that says which login is enough. The zero value is any login.
type StepUp struct {
	// LoA is the least level of assurance. Empty is any.
	LoA signicat.LoA
	// MaxAge is how long ago the user may have authenticated. Zero is any time.
	MaxAge time.Duration
}

// Error implements error.
func (*StepUp) Error() string { return ErrInsufficient.Error() }

// Is reports that a StepUp is an [ErrInsufficient].
func (*StepUp) Is(target error) bool { return target == ErrInsufficient }

// With adds another site's requirements of a login, so that one login is enough for both.
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

// Challenge returns the parameters of RFC 9470 section 3. Everything that is required stands there, met or
// not: a login that met only the missing part could lack the other.
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

// Check returns why a credential does not meet the requirements. All sites together ask for a login.
// A user who would be refused after another login too is not sent to log in.
func (r Requirements) Check(c *Credential, asked StepUp, now time.Time) error {
	if r.MinAge > 0 {
		birthdate, _ := c.identity.Claim("birthdate")
		if years, ok := ageOf(birthdate, now); !ok || years < r.MinAge {
			return fmt.Errorf("%w: min_age", ErrRequirement)
		}
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
	enough := asked // only now: a request that is let through costs no allocation
	return &enough
}
