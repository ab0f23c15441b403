package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// finding is something about the sites of a configuration that loads and does not do what its
// operator thinks.
type finding struct {
	// Name is what the doctor calls it.
	Name findingName
	// Server is the server's name in the http app. Empty when it is about all of them.
	Server string
	// Where are the hosts and paths of the route.
	Where string
	// Problem says what is wrong and what to do.
	Problem string
	// Fatal means that the configuration cannot be what anybody wants.
	Fatal bool
}

// coverage finds upstreams that requests reach around every itsme handler of their server, own
// endpoints that no request reaches, and browser logins on hosts that cannot have any. It reads the
// routes of an http app that was provisioned, and changes nothing.
func coverage(servers map[string]*caddyhttp.Server) (found []finding) {
	var handlers []placed
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		w := &walk{server: servers[name]}
		w.routes(servers[name].Routes, chain{})
		if errors := servers[name].Errors; errors != nil {
			// An error that is raised before itsme ran comes here with the client's own headers.
			w.routes(errors.Routes, chain{errors: true})
		}
		handlers = append(handlers, w.handlers...)
		if !w.guarded {
			continue
		}
		for _, where := range w.open {
			found = append(found, finding{Name: upstreamUncovered, Server: name, Where: where, Problem: "requests reach an upstream that no itsme stands in front of," +
				" with whatever identity headers the client made up; put itsme at site level, with a matcher or public for what needs no login"})
		}
	}
	return slices.Concat(found, misplaced(handlers), caching(servers))
}

// placed is an itsme handler and the conditions that a request meets on its way there.
type placed struct {
	handler    *Handler
	conditions []caddyhttp.MatcherSets
}

// chain is the way of a request through nested routes.
type chain struct {
	conditions []caddyhttp.MatcherSets
	covered    bool     // an itsme handler was passed
	errors     bool     // among error routes
	invoked    []string // named routes that were entered
}

// through is the chain inside a route.
func (c chain) through(route caddyhttp.Route) chain {
	if len(route.MatcherSets) > 0 {
		c.conditions = append(slices.Clip(c.conditions), route.MatcherSets)
	}
	return c
}

// walk collects what is on the ways through one server.
type walk struct {
	server   *caddyhttp.Server
	guarded  bool     // some route has an itsme handler
	handlers []placed // those that requests reach without an error
	open     []string // where upstreams are that no itsme precedes
}

// routes follows a list and reports whether every request that comes out at its end has passed an
// itsme handler.
func (w *walk) routes(routes caddyhttp.RouteList, c chain) (covered bool) {
	for _, route := range routes {
		inside := w.handle(route, c.through(route))
		// Only a route that every request goes through says something of those behind it.
		if len(route.MatcherSets) == 0 && route.Group == "" {
			c.covered = inside
		}
	}
	return c.covered
}

// handle follows the handlers of one route.
func (w *walk) handle(route caddyhttp.Route, c chain) (covered bool) {
	for _, handler := range route.Handlers {
		switch h := handler.(type) {
		case *Handler:
			w.guarded, c.covered = true, true
			if !c.errors {
				w.handlers = append(w.handlers, placed{h, c.conditions})
			}
		case *caddyhttp.Subroute:
			if h.Errors != nil {
				failing := c
				failing.errors = true
				w.routes(h.Errors.Routes, failing)
			}
			c.covered = w.routes(h.Routes, c)
		case *caddyhttp.Invoke:
			c.covered = w.invoke(h.Name, c)
		case *reverseproxy.Handler:
			if !c.covered && !asksPermission(h) {
				w.open = append(w.open, describe(c.conditions))
			}
		}
	}
	return c.covered
}

// invoke follows a named route, unless it is being followed already.
func (w *walk) invoke(name string, c chain) (covered bool) {
	route, ok := w.server.NamedRoutes[name]
	if !ok || slices.Contains(c.invoked, name) {
		return c.covered
	}
	c.invoked = append(slices.Clip(c.invoked), name)
	inside := w.handle(*route, c.through(*route))
	return c.covered || (inside && len(route.MatcherSets) == 0)
}

// asksPermission recognises forward_auth, which is a reverse_proxy that asks and goes on: it comes
// before itsme, and its server is not the upstream.
func asksPermission(h *reverseproxy.Handler) bool {
	return h.Rewrite != nil && h.Rewrite.Method == "GET" && len(h.HandleResponse) > 0
}

// misplaced finds own endpoints and browser logins that do not work where their handlers are.
func misplaced(handlers []placed) (found []finding) {
	var gateways []*gateway.Gateway
	for _, p := range handlers {
		if !slices.Contains(gateways, p.handler.gateway) {
			gateways = append(gateways, p.handler.gateway)
		}
		if public := p.handler.gateway.PublicURL(); p.handler.Mode == string(gateway.ModeBrowser) && !reaches(p.conditions, public, hostMatchers) {
			found = append(found, finding{Name: siteRefused, Where: describe(p.conditions), Fatal: true, Problem: fmt.Sprintf(
				"mode browser: logins of browsers work on the host of public_url alone, %s; answer for that host, or write mode auto or mode api", public)})
		}
	}
	for _, g := range gateways {
		for _, entrance := range g.Entrances() {
			reached := func(p placed) bool {
				return p.handler.gateway == g && reaches(p.conditions, entrance, hostMatchers, pathMatchers)
			}
			if !slices.ContainsFunc(handlers, reached) {
				found = append(found, finding{Name: endpointsUnreachable, Where: entrance, Problem: "the gateway cannot be reached here: " +
					"every itsme is inside a route that this URL does not match; put itsme at site level, on the host of public_url"})
				break
			}
		}
	}
	return found
}

// describe names hosts and paths as a Caddyfile would.
func describe(conditions []caddyhttp.MatcherSets) string {
	var words []string
	for _, sets := range conditions {
		for _, set := range sets {
			for _, matcher := range set {
				switch m := matcher.(type) {
				case *caddyhttp.MatchHost:
					words = append(words, []string(*m)...)
				case *caddyhttp.MatchPath:
					words = append(words, []string(*m)...)
				}
			}
		}
	}
	if len(words) == 0 {
		return "every host and path"
	}
	return strings.Join(words, " ")
}
