package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// Require is what a login must be to get through, beyond valid. It is checked at every request. What
// another login can cure, LoA and MaxAge, is answered with 401 and how to log in (RFC 9470), or with
// the login page in a browser; the rest with 403.
type Require struct {
	// LoA is the least level of assurance: low, substantial or high. Empty accepts any.
	LoA string `json:"loa,omitempty"`

	// MaxAge is how long ago the person may have authenticated with itsme; a refresh does not count.
	// Whole seconds, 2m to 2160h. Zero accepts any login that is valid.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// MinAge is how many years old the person must be today in Belgium, from the claim birthdate, 1 to
	// 130. Zero accepts any.
	MinAge int `json:"min_age,omitempty"`

	// Claim is what the person's claims must be, all of them. Default none.
	Claim []RequiredClaim `json:"claim,omitempty"`
}

// RequiredClaim is what one claim must be.
type RequiredClaim struct {
	// Claim is sub or an attribute claim of the access token. Required.
	Claim string `json:"claim"`

	// Values are the texts of which the claim must be one, letter for letter. Required, at least one.
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
