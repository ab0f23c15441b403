package caddymodule

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// finding is something about the sites of a configuration that loads and does not do what its
// operator thinks.
type finding struct {
	// Name is what the doctor calls it. It decides on the remedy.
	Name findingName
	// Server is the server's name in the http app. Empty when it is about all of them.
	Server string
	// Site are the hosts and paths of the route, as a Caddyfile names them.
	Site string
	// Problem says what is wrong.
	Problem string
}

// coverage finds ways around itsme: upstreams, files and responses that requests reach without it,
// matchers that leave out a path, options of a server that weaken it, and own endpoints that no
// request reaches. It reads the routes of an http app that was provisioned, and changes nothing.
func coverage(servers map[string]*caddyhttp.Server) (found []finding) {
	var handlers []placed
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		w := walkServer(servers[name])
		handlers = append(handlers, w.handlers...)
		if len(w.guarded) == 0 {
			continue
		}
		for _, f := range slices.Concat(w.uncovered(), w.matchers(), w.options()) {
			f.Server = name
			found = append(found, f)
		}
	}
	return slices.Concat(found, unreachable(handlers), caching(servers))
}

// unreachable finds gateways whose own endpoints no request reaches.
func unreachable(handlers []placed) (found []finding) {
	var gateways []*gateway.Gateway
	for _, p := range handlers {
		if !slices.Contains(gateways, p.handler.gateway) {
			gateways = append(gateways, p.handler.gateway)
		}
	}
	for _, g := range gateways {
		for _, entrance := range g.Entrances() {
			reached := func(p placed) bool {
				return p.handler.gateway == g && !p.errors && reaches(p.conditions, entrance, hostMatchers, pathMatchers)
			}
			if !slices.ContainsFunc(handlers, reached) {
				found = append(found, finding{
					Name: endpointsUnreachable, Site: entrance,
					Problem: "no request for it reaches the gateway, because every itsme is inside a route that it does not match",
				})
				break
			}
		}
	}
	return found
}

// describe names a route as a Caddyfile would, by its hosts and paths. A site that answers for every
// host is named by where its server listens.
func describe(server *caddyhttp.Server, conditions []caddyhttp.MatcherSets) string {
	words := hostsOf(conditions)
	if len(words) == 0 && server != nil {
		words = slices.Clone(server.Listen)
	}
	if len(words) == 0 {
		words = []string{"*"}
	}
	for m := range matchersOf[*caddyhttp.MatchPath](conditions) {
		words = append(words, *m...)
	}
	return strings.Join(words, " ")
}

// hostsOf are the hosts that conditions name.
func hostsOf(conditions []caddyhttp.MatcherSets) (hosts []string) {
	for m := range matchersOf[*caddyhttp.MatchHost](conditions) {
		hosts = append(hosts, *m...)
	}
	return hosts
}

// matchersOf are the matchers of one sort, without those in a negation.
func matchersOf[M any](conditions []caddyhttp.MatcherSets) func(yield func(M) bool) {
	return func(yield func(M) bool) {
		for _, sets := range conditions {
			for _, set := range sets {
				for _, matcher := range set {
					if m, ok := matcher.(M); ok && !yield(m) {
						return
					}
				}
			}
		}
	}
}
