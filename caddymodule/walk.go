package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// walk collects what is on the ways through one server, in the order in which requests meet it.
type walk struct {
	server   *caddyhttp.Server
	guarded  map[string]bool   // sites that have an itsme
	rewrites map[string]string // what changes the path that the upstream of a site sees
	handlers []placed
	open     []answering // what answers where no itsme precedes
}

// placed is an itsme handler, and the way of a request to it.
type placed struct {
	chain
	handler *Handler
	order   int // how many answers without itsme come before it
}

// answering is a handler that answers, and the way of a request to it.
type answering struct {
	chain
	what     string // such as "reverse_proxy to 127.0.0.1:9000"
	upstream bool
}

// chain is the way of a request through nested routes.
type chain struct {
	conditions []caddyhttp.MatcherSets
	covered    bool     // an itsme handler was passed
	errors     bool     // among error routes
	grouped    bool     // in a group, of which only the first route that matches runs
	rewritten  bool     // the path was changed on the way
	stripped   []string // prefixes that were stripped on the way
	invoked    []string // named routes that were entered
}

// through is the chain inside a route.
func (c chain) through(route caddyhttp.Route) chain {
	if len(route.MatcherSets) > 0 {
		c.conditions = append(slices.Clip(c.conditions), route.MatcherSets)
	}
	c.grouped = c.grouped || route.Group != ""
	return c
}

// behind is the chain behind something that every request of it went through.
func (c chain) behind(inside chain) chain {
	c.covered, c.rewritten, c.stripped = inside.covered, inside.rewritten, inside.stripped
	return c
}

// site is the site of a chain: the hosts of its first matcher that names any.
func (c chain) site() string {
	for _, sets := range c.conditions {
		if hosts := hostsOf([]caddyhttp.MatcherSets{sets}); len(hosts) > 0 {
			return strings.Join(hosts, " ")
		}
	}
	return ""
}

// walkServer follows every route of a server.
func walkServer(server *caddyhttp.Server) *walk {
	w := &walk{server: server, guarded: make(map[string]bool), rewrites: make(map[string]string)}
	w.routes(server.Routes, chain{})
	// An error that is raised before itsme ran comes here with the client's own headers.
	w.routes(errorRoutes(server.Errors), chain{errors: true})
	return w
}

// routes follows a list, and returns the chain of a request that comes out at its end.
func (w *walk) routes(routes caddyhttp.RouteList, c chain) chain {
	for _, route := range routes {
		inside := w.handle(route, c.through(route))
		// Only a route that every request goes through says something of those behind it. The
		// rewrites of a list are a group: the first that matches runs, and each of them rewrites.
		switch {
		case len(route.MatcherSets) > 0:
		case route.Group == "":
			c = c.behind(inside)
		default:
			c.rewritten = inside.rewritten
		}
	}
	return c
}

// handle follows the handlers of one route.
func (w *walk) handle(route caddyhttp.Route, c chain) chain {
	for _, handler := range route.Handlers {
		switch h := handler.(type) {
		case *Handler:
			c.covered = true
			w.guarded[c.site()] = true
			w.handlers = append(w.handlers, placed{chain: c, handler: h, order: len(w.open)})
		case *caddyhttp.Subroute:
			failing := c
			failing.errors = true
			w.routes(errorRoutes(h.Errors), failing)
			c = c.behind(w.routes(h.Routes, c))
		case *caddyhttp.Invoke:
			c = w.invoke(h.Name, c)
		case *rewrite.Rewrite:
			c = w.rewrite(h, c)
		case *reverseproxy.Handler:
			w.proxy(h, c)
		default:
			if what, ok := answers(handler, c); ok && !c.covered {
				w.open = append(w.open, answering{chain: c, what: what})
			}
		}
	}
	return c
}

// invoke follows a named route, unless it is being followed already.
func (w *walk) invoke(name string, c chain) chain {
	route, ok := w.server.NamedRoutes[name]
	if !ok || slices.Contains(c.invoked, name) {
		return c
	}
	c.invoked = append(slices.Clip(c.invoked), name)
	inside := w.handle(*route, c.through(*route))
	if len(route.MatcherSets) == 0 {
		c = c.behind(inside)
	}
	return c
}

// rewrite notes what a rewrite does to the path. What rewrites an error page matters to no matcher.
func (w *walk) rewrite(h *rewrite.Rewrite, c chain) chain {
	if !changesPath(h) {
		return c
	}
	if !c.errors {
		w.rewrites[c.site()] = "the site rewrites paths (rewrite, uri, try_files or handle_path)"
	}
	c.rewritten = true
	if h.StripPathPrefix != "" {
		c.stripped = append(slices.Clip(c.stripped), h.StripPathPrefix)
	}
	return c
}

// proxy notes an upstream, and what it does to the path.
func (w *walk) proxy(h *reverseproxy.Handler, c chain) {
	if asksPermission(h) {
		return
	}
	switch {
	case c.errors:
	case moduleID(h.Transport) == fastCGI:
		w.rewrites[c.site()] = "the site has a fastcgi transport, behind which scripts choose what they serve by more than the path"
	case h.Rewrite != nil && changesPath(h.Rewrite):
		w.rewrites[c.site()] = "its reverse_proxy rewrites paths"
	}
	if !c.covered {
		w.open = append(w.open, answering{chain: c, what: nameOf(h), upstream: true})
	}
}

func changesPath(h *rewrite.Rewrite) bool {
	return h.URI != "" || h.StripPathPrefix != "" || h.StripPathSuffix != "" || len(h.URISubstring) > 0 || len(h.PathRegexp) > 0
}
