package gateway

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Bounds of [Requirements].
const (
	// MinLoginAge is the least that may be required of a login's age. Clocks of replicas may be
	// [token.Skew] apart, and nobody is to log in, be found too late, and log in again.
	MinLoginAge = 2 * token.Skew
	// MaxLoginAge bounds it: no login lasts longer.
	MaxLoginAge = MaxRefresh
)

// Requirements are what a login must be beyond valid. The zero value asks for nothing. They are
// checked at every request; what another login can cure is told by RFC 9470, anything else with 403.
type Requirements struct {
	// LoA is the least level of assurance that the person logged in with. Zero accepts any.
	LoA signicat.LoA

	// MaxAge is how long ago the person may have authenticated, in whole seconds, [MinLoginAge] to
	// [MaxLoginAge]. A refresh does not count. Zero accepts any login that is valid.
	MaxAge time.Duration

	// MinAge is how many years old the person must be today, in Belgium, from the claim birthdate;
	// 1 to [OldestPerson]. Who has no whole birth date is refused. Zero accepts any.
	MinAge int

	// Claims are what the person's claims must be, all of them.
	Claims []ClaimRequirement
}

// ClaimRequirement is what one claim must be.
type ClaimRequirement struct {
	// Claim is sub or an attribute claim in the token.
	Claim string

	// Values are the texts of which the claim must be one, letter for letter. A person without the
	// claim is refused. At least one.
	Values []string
}

// Why a valid login does not get through.
var (
	// errInsufficient is returned when another login can be enough.
	errInsufficient = errors.New("login is not enough")
	// errRequirement is returned when the person is not who is let through.
	errRequirement = errors.New("requirement not met")
)

// stepUp is an errInsufficient that knows which login is enough.
type stepUp struct {
	loa    signicat.LoA
	maxAge time.Duration
}

func (*stepUp) Error() string        { return errInsufficient.Error() }
func (*stepUp) Is(target error) bool { return target == errInsufficient }

// with adds another site's requirements of a login, so that one login is enough for both.
func (s stepUp) with(r Requirements) stepUp {
	if !s.loa.AtLeast(r.LoA) && r.LoA != "" {
		s.loa = r.LoA
	}
	if r.MaxAge > 0 && (s.maxAge == 0 || r.MaxAge < s.maxAge) {
		s.maxAge = r.MaxAge
	}
	return s
}

// maxAgeSeconds is max_age as a parameter.
func (s stepUp) maxAgeSeconds() string { return strconv.Itoa(seconds(s.maxAge)) }

// challenge are the parameters of RFC 9470 section 3. Everything that is required stands there, met
// or not: a login that cured the one alone could lack the other.
func (s stepUp) challenge() []string {
	params := []string{`error="insufficient_user_authentication"`, `error_description="Another login is required"`}
	if s.loa != "" {
		params = append(params, `acr_values="`+string(s.loa)+`"`)
	}
	if s.maxAge > 0 {
		params = append(params, `max_age="`+s.maxAgeSeconds()+`"`)
	}
	return params
}

// check says why an identity is not let through. Who would be refused after another login too is
// not sent to log in.
func (r Requirements) check(i *Identity, asked stepUp, now time.Time) error {
	if r.MinAge > 0 {
		birthdate, _ := i.Claim("birthdate")
		if years, ok := ageOf(birthdate, now); !ok || years < r.MinAge {
			return wrap(errRequirement, "min_age")
		}
	}
	for _, c := range r.Claims {
		if value, ok := i.Claim(c.Claim); !ok || !slices.Contains(c.Values, value) {
			return wrap(errRequirement, "claim "+c.Claim)
		}
	}
	low := r.LoA != "" && !signicat.LoA(i.login.claims.ACR).AtLeast(r.LoA)
	old := r.MaxAge > 0 && now.Sub(i.login.claims.AuthTime) > r.MaxAge
	if !low && !old {
		return nil
	}
	enough := asked // only now: a request that gets through costs no allocation
	return &enough
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
