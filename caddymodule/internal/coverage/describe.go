package coverage

import (
	"iter"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// describe names a route by its hosts and paths, as a Caddyfile does. It names a site that answers for
// every host by the addresses on which its server listens.
func describe(server *caddyhttp.Server, conditions []caddyhttp.MatcherSets) string {
	words := hostsOf(conditions)
	if len(words) == 0 && server != nil {
		words = slices.Clone(server.Listen)
	}
	if len(words) == 0 {
		words = []string{"*"}
	}
	return strings.Join(append(words, pathsOf(conditions)...), " ")
}

// hostsOf returns the hosts that conditions name.
func hostsOf(conditions []caddyhttp.MatcherSets) (hosts []string) {
	for m := range matchersOf[*caddyhttp.MatchHost](conditions) {
		hosts = append(hosts, *m...)
	}
	return hosts
}

// pathsOf returns the path patterns that conditions name.
func pathsOf(conditions []caddyhttp.MatcherSets) (paths []string) {
	for m := range matchersOf[*caddyhttp.MatchPath](conditions) {
		paths = append(paths, *m...)
	}
	return paths
}

// matchersOf yields the matchers of one type, but not those in a negation.
func matchersOf[M any](conditions []caddyhttp.MatcherSets) iter.Seq[M] {
	return func(yield func(M) bool) {
		for _, set := range slices.Concat(conditions...) {
			for _, matcher := range set {
				if m, ok := matcher.(M); ok && !yield(m) {
					return
				}
			}
		}
	}
}
