// Package coverage follows the routes of Caddy's http app and finds ways around itsme:
//
//   - upstreams, files and responses that requests reach without itsme
//   - matchers that leave out a path
//   - server options that weaken itsme
//   - caches in front of itsme
//   - gateway endpoints that no request reaches
//   - tokens of apps that show too much, or too little for a site's min_age
//
// It reads a provisioned configuration and changes nothing.
package coverage

import (
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// Handler describes an itsme handler to this package.
type Handler struct {
	Gateway *gateway.Gateway
	// Site is the handler's site.
	Site *gateway.Site
	// Match selects the requests that need a login. Empty selects all.
	Match caddyhttp.MatcherSets
	// Public are paths that need no login.
	Public []string
	// Audience is that of the token for the upstream. Empty when the upstream receives none.
	Audience string
}

// Recognize returns the itsme handler behind a handler of Caddy's, and false for any other.
type Recognize func(caddyhttp.MiddlewareHandler) (Handler, bool)

// Survey is the result of following the routes of all servers.
type Survey struct {
	// Findings are the mistakes, each once.
	Findings []Finding
	// Notes are no mistakes, but an operator should know them.
	Notes []Finding

	handlers []placed
}

// Of follows every route of the servers.
func Of(servers map[string]*caddyhttp.Server, recognize Recognize) *Survey {
	s := new(Survey)
	var walks []*walk
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		w := walkServer(name, servers[name], recognize)
		walks = append(walks, w)
		s.handlers = append(s.handlers, w.handlers...)
		s.add(name, w.ages())
		if len(w.protected) > 0 {
			s.add(name, slices.Concat(w.uncovered(), w.matchers(), w.options()))
		}
	}
	for _, w := range walks {
		s.Notes = append(s.Notes, w.probes()...)
	}
	s.add("", unreachable(s.handlers))
	s.add("", sharedAudiences(walks))
	s.add("", readable(s.handlers))
	for _, w := range walks {
		s.add(w.name, w.overrides())
	}
	return s
}

// add keeps each finding once.
func (s *Survey) add(server string, found []Finding) {
	for _, f := range found {
		f.Server = server
		if !slices.Contains(s.Findings, f) {
			s.Findings = append(s.Findings, f)
		}
	}
}

// Uses reports whether a site uses this gateway. Error routes do not count: no client logs in there.
func (s *Survey) Uses(g *gateway.Gateway) bool {
	return slices.ContainsFunc(s.handlers, func(p placed) bool { return p.handler.Gateway == g && !p.errors })
}

// unreachable finds gateways whose endpoints no request reaches.
func unreachable(handlers []placed) (found []Finding) {
	for _, g := range gatewaysOf(handlers) {
		entrances := g.Entrances()
		if i := slices.IndexFunc(entrances, func(url string) bool { return !serves(handlers, g, url) }); i >= 0 {
			found = append(found, Finding{
				Name: EndpointsUnreachable, Site: entrances[i],
				Problem: "requests for it do not reach the gateway: every itsme is inside a route that does not match them",
			})
		}
	}
	return found
}

// gatewaysOf returns the gateways of handlers, each once.
func gatewaysOf(handlers []placed) (all []*gateway.Gateway) {
	for _, p := range handlers {
		if !slices.Contains(all, p.handler.Gateway) {
			all = append(all, p.handler.Gateway)
		}
	}
	return all
}

// serves reports whether a request for a URL reaches the gateway.
func serves(handlers []placed, g *gateway.Gateway, url string) bool {
	return slices.ContainsFunc(handlers, func(p placed) bool {
		return p.handler.Gateway == g && !p.errors && reaches(p.conditions, url, hostMatchers, pathMatchers)
	})
}
