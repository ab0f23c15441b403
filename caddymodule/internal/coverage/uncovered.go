package coverage

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// fastCGI is the transport of php_fastcgi.
const fastCGI = "http.reverse_proxy.transport.fastcgi"

// uncovered returns the findings about handlers that answer without itsme before them. An upstream is a
// finding on every site of a server that uses itsme: the upstream trusts identity headers of any request.
// Files and responses are findings on sites that use itsme.
func (w *walk) uncovered() (found []Finding) {
	for order, a := range w.unprotected {
		if !a.upstream && !w.protected[a.site()] {
			continue
		}
		f := Finding{Site: describe(w.server, a.conditions), Name: ContentUncovered, Problem: a.what + " is reachable without itsme"}
		switch {
		case a.errors && a.upstream:
			f.Name, f.Problem = ErrorsUncovered, a.what+" in handle_errors is reachable without itsme"
		case a.errors:
			f.Problem = a.what + " in handle_errors is reachable without itsme, and serves more than an error page"
		case w.beforeItsme(a, order):
			f.Name, f.Problem = ItsmeTooLate, a.what+" answers before itsme"
		case a.upstream:
			f.Name = UpstreamUncovered
		}
		if !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	return found
}

// beforeItsme reports whether an itsme of the same route comes after this handler, which answers first.
func (w *walk) beforeItsme(a responder, order int) bool {
	return slices.ContainsFunc(w.handlers, func(p placed) bool {
		return p.order > order && !p.errors && !p.grouped && len(p.conditions) <= len(a.conditions) && p.site() == a.site() &&
			describe(nil, p.conditions) == describe(nil, a.conditions[:len(p.conditions)])
	})
}

// answers reports whether a handler answers with content that an operator may want to protect, and names
// the handler.
func answers(handler caddyhttp.MiddlewareHandler, c chain) (what string, ok bool) {
	switch id := moduleID(handler); id {
	case "http.handlers.file_server":
		// An error page has its path from a rewrite. Without one, the client chooses the file.
		return "file_server", !c.errors || !c.rewritten
	case "http.handlers.php": // of FrankenPHP
		return "php_server", true
	}
	if h, isResponse := handler.(*caddyhttp.StaticResponse); isResponse {
		return "respond", !c.errors && hasContent(h) && !c.literal()
	}
	return "", false
}

// hasContent reports whether a response has a body that is neither a redirect nor a refusal.
func hasContent(h *caddyhttp.StaticResponse) bool {
	refusal := len(h.StatusCode) == 3 && (h.StatusCode[0] == '4' || h.StatusCode[0] == '5')
	redirect := len(h.Headers["Location"]) > 0 || strings.Contains(h.Body, `<meta http-equiv="refresh"`)
	return h.Body != "" && !h.Abort && !refusal && !redirect
}

// literal reports whether a chain matches one path only, such as that of a health check.
func (c chain) literal() bool {
	return slices.ContainsFunc(c.conditions, func(sets caddyhttp.MatcherSets) bool {
		return len(sets) == 1 && slices.ContainsFunc(sets[0], func(matcher any) bool {
			m, ok := matcher.(*caddyhttp.MatchPath)
			return ok && len(*m) == 1 && !strings.ContainsAny((*m)[0], "*?[{")
		})
	})
}

// isForwardAuth recognises forward_auth: a reverse_proxy to a server that decides whether the request goes
// on. That server is not the upstream.
func isForwardAuth(h *reverseproxy.Handler) bool {
	return h.Rewrite != nil && h.Rewrite.Method == "GET" && len(h.HandleResponse) > 0
}

// nameOf names an upstream as a Caddyfile does.
func nameOf(h *reverseproxy.Handler) string {
	words := []string{"reverse_proxy"}
	if moduleID(h.Transport) == fastCGI {
		words[0] = "php_fastcgi"
	}
	for i, upstream := range h.Upstreams {
		if i == 0 {
			words = append(words, "to")
		}
		words = append(words, upstream.Dial)
	}
	return strings.Join(words, " ")
}

// moduleID returns the ID of a module that Caddy loaded. It avoids an import of the module's package.
func moduleID(value any) string {
	if module, ok := value.(caddy.Module); ok {
		return string(module.CaddyModule().ID)
	}
	return ""
}
