package coverage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// outerHandler is a handler that sees a response of itsme on its way out, and can override the fields for
// caches in it.
type outerHandler struct {
	finding    Name
	problem    string
	conditions []caddyhttp.MatcherSets
	group      string // of its route in the current list
}

// outerHandlerOf recognises a handler that can override the fields for caches after itsme.
func outerHandlerOf(handler any) (outerHandler, bool) {
	if h, ok := handler.(*headers.Handler); ok {
		fields := deferredFields(h.Response)
		return outerHandler{finding: HeaderDeferred, problem: fmt.Sprintf("a deferred header operation on %s runs after itsme and overrides its value,"+
			" also for %%s", strings.Join(fields, " and "))}, len(fields) > 0
	}
	module, ok := handler.(caddy.Module)
	return outerHandler{finding: CacheInFront, problem: "a cache in front of itsme receives the answers for users and those below %s, and some caches send one answer" +
		" to two users who ask at the same time"}, ok && module.CaddyModule().ID == "http.handlers.cache"
}

// overrides finds caches in front of an itsme handler, and deferred header operations that change its
// fields for caches. A handler that serves only requests without a login is no finding.
func (w *walk) overrides() (found []Finding) {
	for _, p := range w.handlers {
		for _, o := range p.passed {
			if p.concerns(o) {
				found = append(found, Finding{Name: o.finding, Site: describe(w.server, o.conditions), Problem: fmt.Sprintf(o.problem, p.handler.Gateway.Path()+"/*")})
			}
		}
	}
	return found
}

// concerns reports whether some request goes through both handlers and needs a login, or is for a gateway
// endpoint. It tries the hosts and paths that the matchers of both name.
func (p placed) concerns(o outerHandler) bool {
	both, g := slices.Concat(o.conditions, p.conditions), p.handler.Gateway
	met := func(url string) bool { return reaches(both, url, hostMatchers, pathMatchers) }
	if slices.ContainsFunc(g.Entrances(), met) {
		return true
	}
	scheme, host, _ := strings.Cut(g.PublicURL(), "://")
	hosts := append(samples(hostsOf(both)), host)
	paths := append(samples(pathsOf(append(both, p.handler.Match))), "", "itsme-probe")
	for _, host := range hosts {
		for _, path := range paths {
			path = "/" + strings.TrimPrefix(path, "/")
			if url := scheme + "://" + host + path; met(url) && p.handler.needsLogin(url, path) {
				return true
			}
		}
	}
	return false
}

// needsLogin reports whether a request for a URL may need a login, as far as paths decide.
func (h Handler) needsLogin(url, path string) bool {
	public := slices.ContainsFunc(h.Public, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return path == pattern || (wild && strings.HasPrefix(path, prefix))
	})
	return !public && (len(h.Match) == 0 || reaches([]caddyhttp.MatcherSets{h.Match}, url, hostMatchers, pathMatchers))
}

// samples replaces each star in hosts or paths by a letter.
func samples(patterns []string) []string {
	for i, pattern := range patterns {
		patterns[i] = strings.ReplaceAll(pattern, "*", "x")
	}
	return patterns
}
