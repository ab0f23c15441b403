package caddymodule

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

// checkRedirectURLs names what must be on Signicat's allow-list. Their form was checked when the
// configuration loaded.
func (d *doctor) checkRedirectURLs(_ context.Context, p *patient) []diagnosis {
	all := one(redirectURL, "%s (for browsers)", p.config.RedirectURL)
	for _, app := range p.config.AppRedirectURLs {
		all = append(all, diagnose(redirectURL, "%s (for apps)", app))
	}
	if u, err := url.Parse(p.config.PublicURL); err == nil && loopback.Host(u.Hostname()) {
		all = append(all, diagnose(publicURLLocal, "public_url is %s, which works with the simulator alone", p.config.PublicURL))
	}
	return all
}

// checkPublicURL asks for the gateway's keys and metadata as a verifier does.
func (d *doctor) checkPublicURL(ctx context.Context, p *patient) []diagnosis {
	keys, ok := d.checkJWKS(ctx, p)
	if !ok {
		return []diagnosis{keys}
	}
	return []diagnosis{keys, d.checkDiscovery(ctx, p)}
}

// checkJWKS compares the keys that are served with those in storage, and reports whether any were.
func (d *doctor) checkJWKS(ctx context.Context, p *patient) (result diagnosis, served bool) {
	at := p.config.PublicURL + jwksPath
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return diagnose(publicURLUnreachable, "%s: %v", at, err), false
	case answer.status != http.StatusOK:
		return diagnose(publicURLUnreachable, "%s answers %d", at, answer.status), false
	}
	theirs, ok := keyIDs(answer.body)
	if !ok {
		return diagnose(jwksDiffers, "%s is no JWKS", at), false
	}
	ours, err := d.publishedIDs(ctx, p)
	switch {
	case err != nil:
		return diagnose(keysUnreadable, "%v", err), true
	case !slices.Equal(theirs, ours):
		return diagnose(jwksDiffers, "%s has the keys %q, and the gateway keeps %q", at, theirs, ours), true
	}
	return diagnose(jwksServed, "%s has the keys of this gateway", at), true
}

// publishedIDs are the IDs of the keys that a replica publishes now, sorted.
func (d *doctor) publishedIDs(ctx context.Context, p *patient) ([]string, error) {
	if p.keys == nil {
		ids, _ := keyIDs(p.fileKeys.JWKS())
		return ids, nil
	}
	state, err := p.keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, key := range state.Set().Published(p.keys.Rotation, d.now()) {
		ids = append(ids, key.ID)
	}
	slices.Sort(ids)
	return ids, nil
}

// keyIDs are the IDs of the keys of a JWKS, sorted.
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

// checkDiscovery reads the issuer's metadata (RFC 8414), as a verifier finds them by the issuer.
func (d *doctor) checkDiscovery(ctx context.Context, p *patient) diagnosis {
	issuer, err := url.Parse(p.config.Token.Issuer)
	if err != nil { // impossible: the gateway was made from it
		return diagnose(discoveryWrong, "token issuer is no URL")
	}
	at := issuer.Scheme + "://" + issuer.Host + "/.well-known/oauth-authorization-server" + issuer.EscapedPath()
	answer, err := d.fetch.get(ctx, at)
	switch {
	case err != nil:
		return diagnose(discoveryWrong, "%s: %v", at, err)
	case answer.status != http.StatusOK:
		return diagnose(discoveryWrong, "%s answers %d", at, answer.status)
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(answer.body, &metadata) != nil {
		return diagnose(discoveryWrong, "%s is no JSON object", at)
	}
	if metadata.Issuer != p.config.Token.Issuer || metadata.JWKSURI != p.config.PublicURL+jwksPath {
		return diagnose(discoveryWrong, "%s names the issuer %q and the JWKS %q", at, metadata.Issuer, metadata.JWKSURI)
	}
	return diagnose(discoveryServed, "%s names the issuer and its keys", at)
}

// checkCertificates looks at the certificate of each host that itsme sends people to.
//
// Unverified: whether itsme asks customers of Signicat for certificates that name the organisation.
// Its guide asks its own partners for them: https://belgianmobileid.github.io/doc/.
func (d *doctor) checkCertificates(ctx context.Context, p *patient) (all []diagnosis) {
	for _, origin := range origins(append([]string{p.config.RedirectURL}, p.config.AppRedirectURLs...)) {
		if strings.HasPrefix(origin, "http://") {
			continue
		}
		answer, err := d.fetch.head(ctx, origin+"/")
		switch {
		case err != nil:
			all = append(all, diagnose(certificateUnknown, "%s: %v", origin, err))
		case len(answer.owner.Subject.Organization) == 0:
			all = append(all, diagnose(certificateNamesDomain, "the certificate of %s names no organisation", origin))
		default:
			all = append(all, diagnose(certificateNamesOwner, "the certificate of %s names %q", origin, answer.owner.Subject.Organization))
		}
	}
	return all
}

// origins are the different origins of URLs, in their order.
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
