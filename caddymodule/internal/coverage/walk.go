package coverage

import (
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// walk follows the routes of one server, in the order in which requests meet them.
type walk struct {
	name        string
	server      *caddyhttp.Server
	recognize   Recognize
	protected   map[string]bool   // sites that use itsme
	rewrites    map[string]string // by site: what changes the path on its way to the upstream
	handlers    []placed
	unprotected []responder // handlers that answer without itsme before them
	receivers   []receiver  // upstreams that receive a token
}

// placed is an itsme handler with the chain that leads to it.
type placed struct {
	chain
	handler Handler
	order   int // how many unprotected responders come before it
}

// responder is a handler that answers, with the chain that leads to it.
type responder struct {
	chain
	what     string // such as "reverse_proxy to 127.0.0.1:9000"
	upstream bool
}

// walkServer follows every route of a server.
func walkServer(name string, server *caddyhttp.Server, recognize Recognize) *walk {
	w := &walk{name: name, server: server, recognize: recognize, protected: make(map[string]bool), rewrites: make(map[string]string)}
	w.routes(server.Routes, chain{})
	// When a handler before itsme fails, the request comes here with the client's own headers.
	w.routes(errorRoutes(server.Errors), chain{errors: true})
	return w
}

// routes follows a list, and returns the chain of a request that leaves it at its end.
func (w *walk) routes(routes caddyhttp.RouteList, c chain) chain {
	c = c.ungrouped()
	for _, route := range routes {
		entered := c.enter(route)
		c = c.after(route, entered, w.handle(route, entered))
	}
	return c
}

// handle follows the handlers of one route.
func (w *walk) handle(route caddyhttp.Route, c chain) chain {
	for _, handler := range route.Handlers {
		if itsme, ok := w.recognize(handler); ok {
			c.covered = true
			w.protected[c.site()] = true
			p := placed{chain: c, handler: itsme, order: len(w.unprotected)}
			w.handlers = append(w.handlers, p)
			c.last = &p
			continue
		}
		switch h := handler.(type) {
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
			c = w.handler(handler, c)
		}
	}
	return c
}

// handler records a handler that answers, or that can override the fields for caches.
func (w *walk) handler(handler caddyhttp.MiddlewareHandler, c chain) chain {
	if o, ok := outerHandlerOf(handler); ok {
		o.conditions = c.conditions
		c.passed = append(slices.Clip(c.passed), o)
	}
	if what, ok := answers(handler, c); ok && !c.covered {
		w.unprotected = append(w.unprotected, responder{chain: c, what: what})
	}
	return c
}

// invoke follows a named route, unless it is inside that route already.
func (w *walk) invoke(name string, c chain) chain {
	route, ok := w.server.NamedRoutes[name]
	if !ok || slices.Contains(c.invoked, name) {
		return c
	}
	entered := c.through(*route)
	entered.invoked = append(slices.Clip(c.invoked), name)
	inside := w.handle(*route, entered)
	if len(route.MatcherSets) == 0 {
		return c.behind(inside)
	}
	c.passed = inside.passed
	return c
}

// rewrite records a change of the path. A rewrite of an error page does not concern a matcher.
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

// proxy records an upstream, and how reverse_proxy changes the path.
func (w *walk) proxy(h *reverseproxy.Handler, c chain) {
	if isForwardAuth(h) {
		return
	}
	switch {
	case c.errors:
	case moduleID(h.Transport) == fastCGI:
		w.rewrites[c.site()] = "the site has a fastcgi transport (a script can serve the content of other paths)"
	case h.Rewrite != nil && changesPath(h.Rewrite):
		w.rewrites[c.site()] = "its reverse_proxy rewrites paths"
	}
	if !c.covered {
		w.unprotected = append(w.unprotected, responder{chain: c, what: nameOf(h), upstream: true})
		return
	}
	w.receive(h, c)
}

func changesPath(h *rewrite.Rewrite) bool {
	return h.URI != "" || h.StripPathPrefix != "" || h.StripPathSuffix != "" || len(h.URISubstring) > 0 || len(h.PathRegexp) > 0
}
