package coverage

import (
	"context"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// matcherType returns a matcher that is of one type, and false for any other.
type matcherType func(matcher any) (caddyhttp.RequestMatcherWithError, bool)

func hostMatchers(matcher any) (caddyhttp.RequestMatcherWithError, bool) {
	m, ok := matcher.(*caddyhttp.MatchHost)
	return m, ok
}

func pathMatchers(matcher any) (caddyhttp.RequestMatcherWithError, bool) {
	m, ok := matcher.(*caddyhttp.MatchPath)
	return m, ok
}

// reaches reports whether a request for a URL may meet all conditions. It evaluates the matchers of these
// types, and assumes that the others match.
func reaches(conditions []caddyhttp.MatcherSets, url string, types ...matcherType) bool {
	ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return true // public_url was checked when the gateway was made
	}
	for _, sets := range conditions {
		if !slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool { return mayMatch(set, r, types) }) {
			return false
		}
	}
	return true
}

// mayMatch reports whether no matcher of these types in a set refuses a request.
func mayMatch(set caddyhttp.MatcherSet, r *http.Request, types []matcherType) bool {
	for _, matcher := range set {
		for _, ask := range types {
			m, ok := ask(matcher)
			if !ok {
				continue
			}
			if matched, err := m.MatchWithError(r); err == nil && !matched {
				return false
			}
		}
		if not, ok := matcher.(*caddyhttp.MatchNot); ok && slices.ContainsFunc(not.MatcherSets, func(inner caddyhttp.MatcherSet) bool {
			return mustMatch(inner, r, types)
		}) {
			return false
		}
	}
	return true
}

// mustMatch reports whether a set holds only matchers of these types, and all of them match.
func mustMatch(set caddyhttp.MatcherSet, r *http.Request, types []matcherType) bool {
	return !slices.ContainsFunc(set, func(matcher any) bool {
		return !slices.ContainsFunc(types, func(ask matcherType) bool {
			m, ok := ask(matcher)
			if !ok {
				return false
			}
			matched, err := m.MatchWithError(r)
			return err == nil && matched
		})
	})
}
