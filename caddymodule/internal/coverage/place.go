package coverage

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Place is the position, in the routes of a server, of a module that is being provisioned.
type Place struct {
	server     *caddyhttp.Server
	conditions []caddyhttp.MatcherSets
}

// PlaceOf returns the place of the module that is being provisioned, as far as it is known by then. Caddy
// provisions routes one after the other. It drops the JSON of a route's handlers after provisioning the
// last of them, so the module is in the first route that still has that JSON.
func PlaceOf(ctx caddy.Context) (p Place) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return p
	}
	p.server = server
	lists := [][]caddyhttp.RouteList{{server.Routes, errorRoutes(server.Errors)}}
	for _, module := range ctx.Modules() {
		if around, ok := module.(*caddyhttp.Subroute); ok {
			lists = append(lists, []caddyhttp.RouteList{around.Routes, errorRoutes(around.Errors)})
		}
	}
	for _, list := range lists {
		routes := slices.Concat(list...)
		i := slices.IndexFunc(routes, func(route caddyhttp.Route) bool { return route.HandlersRaw != nil })
		if i >= 0 && len(routes[i].MatcherSets) > 0 {
			p.conditions = append(p.conditions, routes[i].MatcherSets)
		}
	}
	return p
}

// AnswersFor reports whether a request for the host of a URL may reach the module.
func (p Place) AnswersFor(url string) bool { return reaches(p.conditions, url, hostMatchers) }

// Wrap adds the site to an error of the module. It returns nil for nil.
func (p Place) Wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("site %s: %w", describe(p.server, p.conditions), err)
}

func errorRoutes(config *caddyhttp.HTTPErrorConfig) caddyhttp.RouteList {
	if config == nil {
		return nil
	}
	return config.Routes
}
