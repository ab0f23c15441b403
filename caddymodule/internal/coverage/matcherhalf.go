package coverage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// matchers returns the findings about matchers and public paths of itsme.
func (w *walk) matchers() (found []Finding) {
	for _, p := range w.handlers {
		site := describe(w.server, p.conditions)
		for _, half := range halves(p.handler.Match) {
			found = append(found, Finding{Name: MatcherHalf, Site: site, Problem: "the matcher of itsme includes " + half.named + " but not " + half.missing})
		}
		if what, ok := w.rewrites[p.site()]; ok && matchesPath(p.handler.Match) && !p.errors {
			found = append(found, Finding{Name: MatcherRewritten, Site: site, Problem: "itsme has a path matcher, but " + what})
		}
		for _, pattern := range p.withoutEffect() {
			found = append(found, Finding{Name: PublicWithoutEffect, Site: site, Problem: fmt.Sprintf(
				"public %s matches no path of this route: public paths are compared with the path that the client sent, and %s is stripped before itsme", pattern, p.stripped[0])})
		}
	}
	return found
}

// half is a path that a matcher matches without the paths below it, or the reverse.
type half struct{ named, missing string }

// halves compares /x with /x/* in the path matchers of one itsme.
func halves(sets caddyhttp.MatcherSets) (found []half) {
	all := caddyhttp.MatchPath(pathsOf([]caddyhttp.MatcherSets{sets}))
	for _, pattern := range all {
		counterpart, sample := counterpartOf(pattern)
		if counterpart != "" && !reaches([]caddyhttp.MatcherSets{{{&all}}}, "http://localhost"+sample, pathMatchers) {
			found = append(found, half{pattern, counterpart})
		}
	}
	return found
}

// counterpartOf returns the counterpart of a pattern, and a path that the counterpart matches. The
// counterpart of /x is /x/*, and the reverse. Other patterns, and names of files, have none.
func counterpartOf(pattern string) (counterpart, sample string) {
	prefix, wild := strings.CutSuffix(pattern, "/*")
	file := strings.Contains(prefix[strings.LastIndexByte(prefix, '/')+1:], ".")
	switch {
	case prefix == "" || prefix == "/" || strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, "*?[{%\\"):
		return "", ""
	case wild:
		return prefix, prefix
	case file:
		return "", ""
	}
	return prefix + "/*", prefix + "/x"
}

// matchesPath reports whether matchers depend on the path.
func matchesPath(sets caddyhttp.MatcherSets) bool {
	return slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool {
		return slices.ContainsFunc(set, func(matcher any) bool {
			switch m := matcher.(type) {
			case *caddyhttp.MatchPath, *caddyhttp.MatchPathRE:
				return true
			case *caddyhttp.MatchNot:
				return matchesPath(m.MatcherSets)
			case *caddyhttp.MatchExpression:
				return strings.Contains(m.Expr, "path") || strings.Contains(m.Expr, "uri")
			}
			return false
		})
	})
}

// withoutEffect returns the public patterns that no request can match. In handle_path /app/*, the pattern
// public /assets/* has no effect: it is compared with the path that the client sent, such as
// /app/assets/logo.svg.
func (p placed) withoutEffect() (patterns []string) {
	if len(p.stripped) != 1 || !p.below(p.stripped[0]) {
		return nil
	}
	prefix, public := p.stripped[0], p.handler.Public
	for _, pattern := range public {
		rest, below := strings.CutPrefix(pattern, prefix+"/")
		effective := below && rest != "*" && rest != "" || pattern == "/*"
		if !effective && !slices.Contains(public, prefix+pattern) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// below reports whether the path of every request of a chain begins with a prefix.
func (c chain) below(prefix string) bool {
	return slices.ContainsFunc(c.conditions, func(sets caddyhttp.MatcherSets) bool {
		return !slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool {
			return !slices.ContainsFunc(set, func(matcher any) bool {
				m, ok := matcher.(*caddyhttp.MatchPath)
				return ok && !slices.ContainsFunc(*m, func(pattern string) bool { return !strings.HasPrefix(pattern, strings.ToLower(prefix)) })
			})
		})
	})
}
