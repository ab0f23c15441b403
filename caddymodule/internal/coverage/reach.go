package coverage

import (
	"context"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// question selects the matchers of one type. Only those are asked.
type question func(matcher any) (caddyhttp.RequestMatcherWithError, bool)

func hostMatchers(matcher any) (caddyhttp.RequestMatcherWithError, bool) {
	m, ok := matcher.(*caddyhttp.MatchHost)
	return m, ok
}

func pathMatchers(matcher any) (caddyhttp.RequestMatcherWithError, bool) {
	m, ok := matcher.(*caddyhttp.MatchPath)
	return m, ok
}

// reaches reports whether a request for a URL may meet all conditions. Matchers that are not asked are
// assumed to match.
func reaches(conditions []caddyhttp.MatcherSets, url string, asked ...question) bool {
	ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return true // public_url was checked when the gateway was made
	}
	for _, sets := range conditions {
		if !slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool { return mayMatch(set, r, asked) }) {
			return false
		}
	}
	return true
}

// mayMatch reports whether no asked matcher of a set refuses a request.
func mayMatch(set caddyhttp.MatcherSet, r *http.Request, asked []question) bool {
	for _, matcher := range set {
		for _, ask := range asked {
			m, ok := ask(matcher)
			if !ok {
				continue
			}
			if matched, err := m.MatchWithError(r); err == nil && !matched {
				return false
			}
		}
		if not, ok := matcher.(*caddyhttp.MatchNot); ok && slices.ContainsFunc(not.MatcherSets, func(inner caddyhttp.MatcherSet) bool {
			return mustMatch(inner, r, asked)
		}) {
			return false
		}
	}
	return true
}

// mustMatch reports whether a set holds asked matchers alone, and all of them match.
func mustMatch(set caddyhttp.MatcherSet, r *http.Request, asked []question) bool {
	return !slices.ContainsFunc(set, func(matcher any) bool {
		return !slices.ContainsFunc(asked, func(ask question) bool {
			m, ok := ask(matcher)
			if !ok {
				return false
			}
			matched, err := m.MatchWithError(r)
			return err == nil && matched
		})
	})
}
