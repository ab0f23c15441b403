package gateway

import (
	"net/url"
	"strings"
	"unicode"
)

// maxReturnTo bounds the path that a browser is sent back to.
const maxReturnTo = 2 << 10

// returnTo returns where a browser goes after its login: the path that was asked for if every browser
// reads it as a path of this origin, and it is not below the gateway's own; else the root. The WHATWG URL parser takes a backslash for
// a slash, drops tabs and newlines, and reads //host as another origin; so nothing of that, and
// nothing but visible ASCII, is let through.
func returnTo(raw, own string) string {
	if raw == "" || len(raw) > maxReturnTo || raw[0] != '/' {
		return "/"
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] > '~' || strings.IndexByte(`\#"<>^`+"`{|}", raw[i]) >= 0 {
			return "/"
		}
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	path, _, _ := strings.Cut(raw, "?")
	path = decoded(path) // as an upstream may, before it redirects
	if strings.Contains(path, "//") || dotted(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return "/"
	}
	if within(path, own) {
		return "/"
	}
	return raw
}

// decoded is a path as the most generous server would read it.
func decoded(path string) string {
	for range 3 {
		once, err := url.PathUnescape(path)
		if err != nil || once == path {
			break
		}
		path = once
	}
	return strings.ReplaceAll(path, `\`, "/")
}

// dotted reports whether a path has a segment that moves it.
func dotted(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// within reports whether a path is prefix or below it.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
