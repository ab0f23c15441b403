package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Entrances returns URLs at which an app, a browser and a verifier must reach the gateway. Other endpoints
// are below the same path.
func (g *Gateway) Entrances() []string {
	return []string{g.config.endpointURL("/token"), g.config.endpointURL("/login"), g.config.RedirectURL, g.config.PublicURL + "/.well-known/jwks.json"}
}

// Hosts returns the hosts at whose root the gateway serves documents: discovery documents and, with app
// links, the files for phones.
func (g *Gateway) Hosts() []string {
	hosts := []string{g.public.Host}
	if issuer, err := url.Parse(g.config.Token.Issuer); err == nil && originHost(issuer) != g.public.Host {
		hosts = append(hosts, originHost(issuer))
	}
	for _, host := range g.config.appLinkHosts() {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// hostOf returns a request's host as an origin spells it: lower case, without the default port. The gateway
// compares it with configured hosts and never writes it into a response.
func hostOf(r *http.Request) string { return canonicalHost(r.Host) }

// canonicalHost returns a host in lower case, without the default port of either scheme.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

// originHost returns a URL's host as an origin spells it: lower case, without the default port.
func originHost(u *url.URL) string {
	own := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return strings.TrimSuffix(strings.ToLower(u.Host), own)
}
