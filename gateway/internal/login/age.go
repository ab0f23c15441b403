package login

import (
	"maps"
	"slices"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// birthDateAttribute is Signicat's name of the birth date.
const birthDateAttribute = "dateOfBirth"

// encrypts reports whether the tokens of a kind are encrypted, so that only the gateway reads them.
func (i *issuer) encrypts(kind store.Kind) bool { return kind == store.Browser || i.config.Encrypted }

// heldClaims returns the claims that a login holds until its end. Beside those of its tokens that is the birth date:
// for the ages of later tokens, and for an encrypted token, of which the gateway reads the age at every request.
func (i *issuer) heldClaims(kind store.Kind) []string {
	ages := slices.ContainsFunc(i.config.Claims, attribute.IsAge)
	if !slices.Contains(i.config.Attributes, birthDateAttribute) || !ages && !i.encrypts(kind) {
		return i.config.Claims
	}
	return append(slices.Clip(i.config.Claims), attribute.BirthDate)
}

// shownClaims returns the claims of a token that is signed now. It computes the ages from the birth date that the login
// holds. A login without a family holds what its first token shows: without a birth date there, the ages stay.
// A signed token shows the birth date only if the configuration names it.
func (i *issuer) shownClaims(kind store.Kind, held map[string]any) map[string]any {
	birthdate, known := held[attribute.BirthDate].(string)
	if !known {
		return held
	}
	shown := maps.Clone(held)
	maps.DeleteFunc(shown, func(claim string, _ any) bool { return attribute.IsAge(claim) })
	for claim, over := range attribute.Ages(birthdate, i.config.Claims, i.config.Now()) {
		shown[claim] = over
	}
	if !i.encrypts(kind) && !slices.Contains(i.config.Claims, attribute.BirthDate) {
		delete(shown, attribute.BirthDate)
	}
	return shown
}
