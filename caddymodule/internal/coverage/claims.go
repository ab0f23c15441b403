package coverage

import "strings"

// ages finds sites that ask for an age which the tokens of apps show less exactly than the cookies of browsers.
func (w *walk) ages() (found []Finding) {
	for _, p := range w.handlers {
		if p.handler.Site == nil {
			continue
		}
		if claim := p.handler.Site.LacksAgeClaim(); claim != "" {
			found = append(found, Finding{Name: MinAgeDiffers, Site: describe(w.server, p.conditions), Problem: "require min_age: the token of an app has no " +
				claim + ", so that a user may pass with a browser and not with an app"})
		}
	}
	return found
}

// readable finds gateways whose apps hold tokens with sensitive claims that every reader of the token sees.
func readable(handlers []placed) (found []Finding) {
	for _, g := range gatewaysOf(handlers) {
		if claims := g.ReadableClaims(); len(claims) > 0 {
			found = append(found, Finding{Name: ClaimsReadable, Site: g.PublicURL(), Problem: "token claims: every reader of an app's token sees " + strings.Join(claims, ", ")})
		}
	}
	return found
}
