package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// Require are conditions for a valid login, checked at every request. LoA and MaxAge can be met by another
// login: an app gets 401 with the missing requirement (RFC 9470), and a browser gets the login page. For the
// other conditions the answer is 403.
type Require struct {
	// LoA is the lowest accepted level of assurance: low, substantial or high. Default: any.
	LoA string `json:"loa,omitempty"`

	// MaxAge bounds the time since the user authenticated with itsme. A refresh is no authentication. Whole
	// seconds, 2m to 2160h. Default: any.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// MinAge is the lowest accepted age of the user in years, today in Belgium. 1 to 130. In years without a
	// 29 February, a user who was born on that day is a year older on 1 March. attributes must have
	// dateOfBirth: a cookie and an encrypted token hold the birth date. The signed token of an app needs the
	// claim birthdate, or a claim age_over_<n> of as many years or more that is true. A birth date that is
	// not whole is refused. Default: any.
	MinAge int `json:"min_age,omitempty"`

	// Claim are conditions on the user's claims. All must hold. Default: none.
	Claim []RequiredClaim `json:"claim,omitempty"`
}

// RequiredClaim is a condition on one claim.
type RequiredClaim struct {
	// Claim is sub or an attribute claim of the access token. Authorise a user by sub: names and email
	// addresses are not unique. Required.
	Claim string `json:"claim"`

	// Values are the accepted values, compared byte for byte. Required, at least one.
	Values []string `json:"values"`
}

func (r Require) config() gateway.Requirements {
	config := gateway.Requirements{LoA: signicat.LoA(r.LoA), MaxAge: time.Duration(r.MaxAge), MinAge: r.MinAge}
	for _, claim := range r.Claim {
		config.Claims = append(config.Claims, gateway.ClaimRequirement(claim))
	}
	return config
}

func (r *Require) rows() []block.Subdirective {
	return []block.Subdirective{
		{Name: "loa", Example: "require loa high", Read: block.Text(&r.LoA)},
		{Name: "max_age", Example: "require max_age 15m", Read: block.Duration(&r.MaxAge)},
		{Name: "min_age", Example: "require min_age 18", Read: block.Count(&r.MinAge)},
		{Name: "claim", Example: "require claim nationality belge", Repeats: true, Read: r.readClaim},
	}
}

func (r *Require) readClaim(a block.Arguments) error {
	args := a.RemainingArgs()
	if len(args) < 2 {
		return a.Wrong("takes a claim and one value or more, got %d", len(args))
	}
	r.Claim = append(r.Claim, RequiredClaim{Claim: args[0], Values: args[1:]})
	return nil
}
