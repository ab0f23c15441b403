package coverage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// Known reports whether the module is in the routes of a server.
func (p Place) Known() bool { return p.server != nil }

// Hosts returns the hosts that are written out in the matchers of the place: as they are, and with each port of the server.
// A wildcard or a placeholder is not written out.
func (p Place) Hosts() (hosts []string) {
	for _, host := range hostsOf(p.conditions) {
		if !strings.ContainsAny(host, "*{") {
			hosts = append(hosts, p.withPorts(host)...)
		}
	}
	return hosts
}

// maxPorts bounds the ports of one address of a server, which may be a range.
const maxPorts = 16

func (p Place) withPorts(host string) []string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // Caddy's matcher has an IPv6 address without the brackets of a URL
	}
	hosts := []string{host}
	if p.server == nil {
		return hosts
	}
	for _, address := range p.server.Listen {
		parsed, err := caddy.ParseNetworkAddress(address)
		if err != nil || parsed.IsUnixNetwork() || parsed.PortRangeSize() > maxPorts {
			continue
		}
		for offset := range parsed.PortRangeSize() {
			hosts = append(hosts, host+":"+strconv.FormatUint(uint64(parsed.StartPort+offset), 10))
		}
	}
	return hosts
}

// String returns the site of the place, as messages name it.
func (p Place) String() string { return describe(p.server, p.conditions) }

// Wrap adds the site to an error of the module. It returns nil for nil.
func (p Place) Wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("site %s: %w", p, err)
}

func errorRoutes(config *caddyhttp.HTTPErrorConfig) caddyhttp.RouteList {
	if config == nil {
		return nil
	}
	return config.Routes
}
