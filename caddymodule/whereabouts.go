package caddymodule

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// whereabouts are the conditions that a request meets on its way to the module that is being
// provisioned, as far as they are known by then. Caddy provisions routes one after the other, and
// drops the JSON of a route's handlers when it has them all: the first route that still has it is the
// one around the module.
func whereabouts(ctx caddy.Context) (conditions []caddyhttp.MatcherSets) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
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
			conditions = append(conditions, routes[i].MatcherSets)
		}
	}
	return conditions
}

// atSite names the site in an error of a module of it.
func atSite(ctx caddy.Context, around []caddyhttp.MatcherSets, err error) error {
	if err == nil {
		return nil
	}
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return fmt.Errorf("site %s: %w", describe(server, around), err)
}

func errorRoutes(config *caddyhttp.HTTPErrorConfig) caddyhttp.RouteList {
	if config == nil {
		return nil
	}
	return config.Routes
}
