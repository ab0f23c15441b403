package gateway

import (
	"net/url"
	"strings"
)

// canonical reports whether an escaped path can be read in one way only. Servers disagree about
// everything else: parameters after a semicolon, a backslash, encoded separators and dots,
// double encoding, empty segments, those of dots alone, control characters.
func canonical(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, ";\\%") || strings.Contains(path, "//") {
		return false
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] > '~' {
			return false
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" && strings.Trim(segment, ".") == "" {
			return false
		}
	}
	return true
}

// doubtful reports whether servers disagree about which path a URL names. A matcher that takes it
// for one outside a private part says nothing of what the upstream takes it for. Unlike what is not
// [canonical] it leaves out the encodings that everybody decodes to the same, as of a blank or é.
func doubtful(u *url.URL) bool {
	path := strings.ToLower(u.EscapedPath())
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, ";\\") || strings.Contains(path, "//") {
		return true
	}
	for _, encoded := range []string{"%2f", "%5c", "%2e", "%25", "%3b", "%c0", "%c1", "%7f"} {
		if strings.Contains(path, encoded) {
			return true
		}
	}
	for i := range len(u.Path) {
		if u.Path[i] < ' ' {
			return true
		}
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment != "" && strings.Trim(segment, ".") == "" {
			return true
		}
	}
	return false
}
