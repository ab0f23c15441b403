package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
)

const jwksPath = "/.well-known/jwks.json"

// checkRedirectURLs lists the URLs that must be on Signicat's allow-list. Their form was checked when the
// configuration loaded.
func (d *doctor) checkRedirectURLs(_ context.Context, g *Gateway) []Finding {
	all := one(redirectURL, "%s (for browsers)", g.Config.RedirectURL)
	for _, app := range g.Config.AppRedirectURLs {
		all = append(all, find(redirectURL, "%s (for apps)", app))
	}
	if u, err := url.Parse(g.Config.PublicURL); err == nil && loopback.Host(u.Hostname()) {
		all = append(all, find(publicURLLocal, "public_url is %s, a loopback host, which works with the simulator only", g.Config.PublicURL))
	}
	return all
}

// checkPublicURL fetches the gateway's keys and metadata as a verifier does.
func (d *doctor) checkPublicURL(ctx context.Context, g *Gateway) []Finding {
	keys, ok := d.checkJWKS(ctx, g)
	if !ok {
		return []Finding{keys}
	}
	return []Finding{keys, d.checkDiscovery(ctx, g)}
}

// checkJWKS compares the published keys with those in storage. Served reports whether the URL returned a
// JWKS.
func (d *doctor) checkJWKS(ctx context.Context, g *Gateway) (result Finding, served bool) {
	at := g.Config.PublicURL + jwksPath
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return find(publicURLUnreachable, "%s: %v", at, err), false
	case answer.status != http.StatusOK:
		return find(publicURLUnreachable, "%s answers with status %d", at, answer.status), false
	}
	theirs, ok := keyIDs(answer.body)
	if !ok {
		return find(jwksDiffers, "%s is not a JWKS", at), false
	}
	ours, err := d.publishedIDs(ctx, g)
	switch {
	case err != nil:
		return find(keysUnreadable, "%v", err), true
	case !slices.Equal(theirs, ours):
		return find(jwksDiffers, "%s publishes the keys %q, but the keys of this configuration are %q", at, theirs, ours), true
	}
	return find(jwksServed, "%s publishes the keys of this gateway", at), true
}

// publishedIDs returns the sorted IDs of the keys that a replica publishes now.
func (d *doctor) publishedIDs(ctx context.Context, g *Gateway) ([]string, error) {
	if g.Keys == nil {
		ids, _ := keyIDs(g.KeyFile.JWKS())
		return ids, nil
	}
	state, err := g.Keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, key := range state.Set().Published(g.Keys.Rotation, d.now()) {
		ids = append(ids, key.ID)
	}
	slices.Sort(ids)
	return ids, nil
}

// keyIDs returns the sorted IDs of the keys of a JWKS.
func keyIDs(body []byte) (ids []string, ok bool) {
	var jwks struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if json.Unmarshal(body, &jwks) != nil || jwks.Keys == nil {
		return nil, false
	}
	for _, key := range jwks.Keys {
		ids = append(ids, key.ID)
	}
	slices.Sort(ids)
	return ids, true
}

// checkDiscovery fetches the issuer's metadata from the URL that a verifier makes of the issuer (RFC 8414).
func (d *doctor) checkDiscovery(ctx context.Context, g *Gateway) Finding {
	issuer, err := url.Parse(g.Config.Token.Issuer)
	if err != nil { // impossible: the gateway was made from it
		return find(discoveryWrong, "token issuer is not a URL")
	}
	at := issuer.Scheme + "://" + issuer.Host + "/.well-known/oauth-authorization-server" + issuer.EscapedPath()
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return find(discoveryWrong, "%s: %v", at, err)
	case answer.status != http.StatusOK:
		return find(discoveryWrong, "%s answers with status %d", at, answer.status)
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(answer.body, &metadata) != nil {
		return find(discoveryWrong, "%s is not a JSON object", at)
	}
	if metadata.Issuer != g.Config.Token.Issuer || metadata.JWKSURI != g.Config.PublicURL+jwksPath {
		return find(discoveryWrong, "%s names the issuer %q and the JWKS %q, not %q and %q", at, metadata.Issuer, metadata.JWKSURI, g.Config.Token.Issuer, g.Config.PublicURL+jwksPath)
	}
	return find(discoveryServed, "%s names the issuer and the JWKS of this gateway", at)
}

// checkCertificates checks the certificate of each host to which itsme sends users.
//
// Unverified: whether itsme asks customers of Signicat for certificates that name the organisation.
// Its guide asks its own partners for them: https://belgianmobileid.github.io/doc/.
func (d *doctor) checkCertificates(ctx context.Context, g *Gateway) (all []Finding) {
	for _, origin := range origins(append([]string{g.Config.RedirectURL}, g.Config.AppRedirectURLs...)) {
		if strings.HasPrefix(origin, "http://") {
			continue
		}
		answer, err := d.fetch.head(ctx, origin+"/")
		switch {
		case err != nil:
			all = append(all, find(certificateUnknown, "%s: %v", origin, err))
		case len(answer.owner.Subject.Organization) == 0:
			all = append(all, find(certificateNamesDomain, "the certificate of %s names no organisation", origin))
		default:
			all = append(all, find(certificateNamesOwner, "the certificate of %s names the organisation %q", origin, answer.owner.Subject.Organization))
		}
	}
	return all
}

// origins returns the different origins of URLs, in their order.
func origins(urls []string) (all []string) {
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			continue // impossible: they were checked when the gateway was made
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}
