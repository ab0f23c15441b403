package gateway

import (
	"net/url"
	"strings"
	"unicode"
)

// maxReturnTo bounds the path to which a browser returns, in bytes.
const maxReturnTo = 2 << 10

// returnTo returns the path to which a browser goes after its login. It returns raw only if every browser
// reads raw as a path of this origin, outside the gateway's own prefix. Otherwise it returns the root. The
// WHATWG URL parser reads a backslash as a slash, drops tabs and newlines, and reads //host as another
// origin. So only visible ASCII passes, without any of these.
//
// Browsers send some characters of a query as they are that RFC 3986 does not allow. Those are percent-encoded.
func returnTo(raw, own string) string {
	if path, query, found := strings.Cut(raw, "?"); found {
		raw = path + "?" + queryEscapes.Replace(query)
	}
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
	path = decodePath(path) // an upstream may decode it before it redirects
	if strings.Contains(path, "//") || hasDotSegment(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return "/"
	}
	if within(path, own) {
		return "/"
	}
	return raw
}

// queryEscapes encodes what the URL Standard leaves in a query (the query percent-encode set) and RFC 3986 does
// not allow.
var queryEscapes = strings.NewReplacer("{", "%7B", "|", "%7C", "}", "%7D", "^", "%5E", "`", "%60")

// decodePath decodes a path as far as any server would.
func decodePath(path string) string {
	for range 3 {
		once, err := url.PathUnescape(path)
		if err != nil || once == path {
			break
		}
		path = once
	}
	return strings.ReplaceAll(path, `\`, "/")
}

// hasDotSegment reports whether a path has a dot segment.
func hasDotSegment(path string) bool {
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
