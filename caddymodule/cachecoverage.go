package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// outer is a handler that an answer of itsme goes through on its way out, and that can undo what
// itsme says to caches.
type outer struct {
	finding    findingName
	problem    string
	conditions []caddyhttp.MatcherSets
	group      string // of its route in the list that is being followed
}

// caching finds caches in front of an itsme handler, and deferred header operations that change what
// it says to caches. Those that only requests without a login meet are none.
func caching(servers map[string]*caddyhttp.Server) (found []finding) {
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		w := &cacheWalk{server: servers[name]}
		w.routes(servers[name].Routes, way{})
		if errors := servers[name].Errors; errors != nil {
			w.routes(errors.Routes, way{})
		}
		for _, f := range w.found {
			f.Server = name
			if !slices.Contains(found, f) { // of two itsme behind one
				found = append(found, f)
			}
		}
	}
	return found
}

// way is how a request came to a handler.
type way struct {
	conditions []caddyhttp.MatcherSets
	passed     []outer
	invoked    []string // named routes that were entered
}

// cacheWalk follows the routes of one server.
type cacheWalk struct {
	server *caddyhttp.Server
	found  []finding
}

// routes follows a list and returns the handlers that a request has passed at its end. Of the routes of
// one group a request takes one; the names of groups count within their list alone.
func (w *cacheWalk) routes(routes caddyhttp.RouteList, c way) (passed []outer) {
	c.passed = slices.Clone(c.passed)
	for i := range c.passed {
		c.passed[i].group = ""
	}
	for _, route := range routes {
		inside := c
		inside.passed = slices.DeleteFunc(slices.Clone(c.passed), func(o outer) bool { return route.Group != "" && o.group == route.Group })
		before := len(inside.passed)
		for _, o := range w.route(route, inside)[before:] {
			o.group = route.Group
			c.passed = append(slices.Clip(c.passed), o)
		}
	}
	return c.passed
}

// route follows the handlers of one route.
func (w *cacheWalk) route(route caddyhttp.Route, c way) (passed []outer) {
	if len(route.MatcherSets) > 0 {
		c.conditions = append(slices.Clip(c.conditions), route.MatcherSets)
	}
	for _, handler := range route.Handlers {
		switch h := handler.(type) {
		case *Handler:
			w.judge(h, c)
		case *caddyhttp.Subroute:
			if h.Errors != nil {
				w.routes(h.Errors.Routes, c)
			}
			c.passed = w.routes(h.Routes, c)
		case *caddyhttp.Invoke:
			if named, ok := w.server.NamedRoutes[h.Name]; ok && !slices.Contains(c.invoked, h.Name) {
				inside := c
				inside.invoked = append(slices.Clip(c.invoked), h.Name)
				c.passed = w.route(*named, inside)
			}
		default:
			if o, ok := outerOf(handler); ok {
				o.conditions = c.conditions
				c.passed = append(slices.Clip(c.passed), o)
			}
		}
	}
	return c.passed
}

// outerOf recognises a handler that has the last word about caches.
func outerOf(handler any) (outer, bool) {
	if h, ok := handler.(*headers.Handler); ok {
		fields := deferredFields(h.Response)
		return outer{finding: headerDeferred, problem: fmt.Sprintf("a deferred header operation on %s runs after itsme and has the last word,"+
			" also over %%s", strings.Join(fields, " and "))}, len(fields) > 0
	}
	module, ok := handler.(caddy.Module)
	return outer{finding: cacheInFront, problem: "a cache in front of itsme sees answers of users and those below %s, and some caches give one of them" +
		" to two users who ask at once"}, ok && module.CaddyModule().ID == "http.handlers.cache"
}

// judge notes the handlers in front of an itsme that have their say about what it protects.
func (w *cacheWalk) judge(h *Handler, c way) {
	for _, o := range c.passed {
		if concerns(h, o, c) {
			w.found = append(w.found, finding{Name: o.finding, Site: describe(w.server, o.conditions), Problem: fmt.Sprintf(o.problem, h.gateway.Path()+"/*")})
		}
	}
}

// concerns reports whether some request goes through both handlers and needs a login, or is for the
// gateway itself. It tries the requests that the matchers of both name.
func concerns(h *Handler, o outer, c way) bool {
	both := slices.Concat(o.conditions, c.conditions)
	met := func(url string) bool { return reaches(both, url, hostMatchers, pathMatchers) }
	if slices.ContainsFunc(h.gateway.Entrances(), met) {
		return true
	}
	scheme, host, _ := strings.Cut(h.gateway.PublicURL(), "://")
	hosts, paths := named(both)
	_, own := named([]caddyhttp.MatcherSets{h.match})
	for _, host := range append(hosts, host) {
		for _, path := range slices.Concat(paths, own, []string{"/", "/itsme-probe"}) {
			if url := scheme + "://" + host + path; met(url) && h.needsLogin(url, path) {
				return true
			}
		}
	}
	return false
}

// needsLogin reports whether a request for a URL may need a login here, as far as paths say.
func (h *Handler) needsLogin(url, path string) bool {
	public := slices.ContainsFunc(h.Public, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return path == pattern || (wild && strings.HasPrefix(path, prefix))
	})
	return !public && (len(h.match) == 0 || reaches([]caddyhttp.MatcherSets{h.match}, url, hostMatchers, pathMatchers))
}

// named are the hosts and paths that matchers name, with something in the place of each star.
func named(conditions []caddyhttp.MatcherSets) (hosts, paths []string) {
	for _, sets := range conditions {
		for _, set := range sets {
			for _, matcher := range set {
				switch m := matcher.(type) {
				case *caddyhttp.MatchHost:
					hosts = append(hosts, *m...)
				case *caddyhttp.MatchPath:
					paths = append(paths, *m...)
				}
			}
		}
	}
	for i, host := range hosts {
		hosts[i] = strings.ReplaceAll(host, "*", "x")
	}
	for i, path := range paths {
		paths[i] = "/" + strings.TrimPrefix(strings.ReplaceAll(path, "*", "x"), "/")
	}
	return hosts, paths
}

// deferredFields are the fields that itsme sets or removes and a header handler changes after it.
func deferredFields(ops *headers.RespHeaderOps) (fields []string) {
	if ops == nil || ops.HeaderOps == nil || !ops.Deferred && ops.Require == nil {
		return nil
	}
	note := func(name string, values []string) {
		// An operation that asks for the field's absence leaves alone what itsme has set.
		if !slices.Contains(fields, name) && (gateway.Targeted(name) || !harmless(name, values) && !asksForAbsence(ops, name)) {
			fields = append(fields, name)
		}
	}
	for name, values := range ops.Set {
		if decides(name) {
			note(name, values)
		}
	}
	for name, values := range ops.Add {
		if decides(name) && !strings.EqualFold(name, "Vary") {
			note(name, values)
		}
	}
	for _, pattern := range ops.Delete {
		for _, name := range settled {
			if deletes(pattern, name) {
				note(name, nil)
			}
		}
	}
	for name := range ops.Replace {
		for _, changed := range settled {
			if name == "*" || strings.EqualFold(name, changed) {
				note(changed, nil)
			}
		}
		if decides(name) {
			note(name, nil)
		}
	}
	slices.Sort(fields)
	return fields
}

// settled are the fields that itsme sets.
var settled = []string{"Cache-Control", "Set-Cookie", "Vary"}

// decides reports whether a field says what caches may do, or sets a cookie. A name with a placeholder
// may be any.
func decides(name string) bool {
	return strings.Contains(name, "{") || gateway.Targeted(name) || slices.ContainsFunc(settled, func(own string) bool { return strings.EqualFold(own, name) })
}

// harmless reports whether values of Cache-Control keep an answer out of shared caches.
func harmless(name string, values []string) bool {
	return strings.EqualFold(name, "Cache-Control") && slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(strings.Split(value, ","), func(directive string) bool {
			directive = strings.ToLower(strings.TrimSpace(directive))
			return directive == "no-store" || directive == "private"
		})
	})
}

// asksForAbsence reports whether operations happen only to answers without the field.
func asksForAbsence(ops *headers.RespHeaderOps, name string) bool {
	if ops.Require == nil {
		return false
	}
	values, asked := ops.Require.Headers[name]
	return asked && values == nil
}

// deletes reports whether a pattern of deleted fields fits a name, as documented for HeaderOps.
func deletes(pattern, name string) bool {
	pattern, name = strings.ToLower(pattern), strings.ToLower(name)
	rest, suffix := strings.CutPrefix(pattern, "*")
	part, prefix := strings.CutSuffix(rest, "*")
	switch {
	case pattern == "*" || strings.Contains(pattern, "{"):
		return true
	case suffix && prefix:
		return strings.Contains(name, part)
	case suffix:
		return strings.HasSuffix(name, rest)
	case prefix:
		return strings.HasPrefix(name, part)
	}
	return pattern == name
}
