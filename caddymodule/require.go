package caddymodule

import (
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

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

// read reads one requirement: its kind, and what it must be.
func (r *Require) read(a arguments) error {
	if !a.NextArg() {
		return a.wrong("takes what is required, and of which value")
	}
	kind, rows := a.Val(), r.rows()
	i := slices.IndexFunc(rows, func(row subdirective) bool { return row.name == kind })
	if i < 0 {
		return a.Err(unknownSubdirective(a.where+" ", kind, rows))
	}
	taken := map[string]bool{"loa": r.LoA != "", "max_age": r.MaxAge != 0, "min_age": r.MinAge != 0}
	if taken[kind] {
		return a.Errf("%s %s: stands there twice; keep one", a.where, kind)
	}
	return rows[i].read(arguments{Dispenser: a.Dispenser, where: a.where + " " + kind, example: rows[i].example})
}

func (r *Require) rows() []subdirective {
	return []subdirective{
		{name: "loa", example: "require loa high", read: text(&r.LoA)},
		{name: "max_age", example: "require max_age 15m", read: duration(&r.MaxAge)},
		{name: "min_age", example: "require min_age 18", read: count(&r.MinAge)},
		{name: "claim", example: "require claim nationality belge", repeats: true, read: r.readClaim},
	}
}

func (r *Require) readClaim(a arguments) error {
	args := a.RemainingArgs()
	if len(args) < 2 {
		return a.wrong("takes a claim and one value or more, got %d", len(args))
	}
	r.Claim = append(r.Claim, RequiredClaim{Claim: args[0], Values: args[1:]})
	return nil
}
