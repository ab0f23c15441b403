package coverage

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// chain describes the routes and handlers that a request goes through before it reaches a handler.
type chain struct {
	conditions []caddyhttp.MatcherSets
	covered    bool           // an itsme handler comes before
	last       *placed        // the last of those
	errors     bool           // among error routes
	grouped    bool           // in a group, of which only the first route that matches runs
	rewritten  bool           // the path was changed on the way
	stripped   []string       // prefixes that were stripped on the way
	invoked    []string       // named routes that were entered
	passed     []outerHandler // handlers that see the response on its way out
}

// through returns the chain inside a route.
func (c chain) through(route caddyhttp.Route) chain {
	if len(route.MatcherSets) > 0 {
		c.conditions = append(slices.Clip(c.conditions), route.MatcherSets)
	}
	c.grouped = c.grouped || route.Group != ""
	return c
}

// enter returns the chain inside a route of the current list. A request takes one route of a group: it goes
// through no handler of the other routes.
func (c chain) enter(route caddyhttp.Route) chain {
	c.passed = slices.DeleteFunc(slices.Clone(c.passed), func(o outerHandler) bool { return route.Group != "" && o.group == route.Group })
	return c.through(route)
}

// ungrouped returns the chain at the start of a list. A group's name is valid within its list only.
func (c chain) ungrouped() chain {
	c.passed = slices.Clone(c.passed)
	for i := range c.passed {
		c.passed[i].group = ""
	}
	return c
}

// after returns the chain behind a route, given the chains at its start and at its end.
//
// A request may go through any route, so handlers of each may see its response. Only a route without
// matchers is certain to have run before the routes behind it. The rewrites of a list form a group, of
// which the first that matches runs: one of them has rewritten the path.
func (c chain) after(route caddyhttp.Route, entered, inside chain) chain {
	passed := slices.Clip(c.passed)
	for _, o := range inside.passed[len(entered.passed):] {
		o.group = route.Group
		passed = append(passed, o)
	}
	switch {
	case len(route.MatcherSets) > 0:
	case route.Group == "":
		c = c.behind(inside)
	default:
		c.rewritten = inside.rewritten
	}
	c.passed = passed
	return c
}

// behind returns the chain behind a list or a route that every request goes through.
func (c chain) behind(inside chain) chain {
	c.covered, c.last = inside.covered, inside.last
	c.rewritten, c.stripped, c.passed = inside.rewritten, inside.stripped, inside.passed
	return c
}

// site returns the hosts of the first matcher that names any.
func (c chain) site() string {
	for _, sets := range c.conditions {
		if hosts := hostsOf([]caddyhttp.MatcherSets{sets}); len(hosts) > 0 {
			return strings.Join(hosts, " ")
		}
	}
	return ""
}
