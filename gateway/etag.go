package gateway

import (
	"net/http"
	"strings"
)

// serveUnchanged sets the ETag of a document. It answers 304 and returns true when the client has that
// document.
func serveUnchanged(x exchange, etag string) bool {
	x.w.Header().Set("ETag", etag)
	if !matchesETag(x.r.Header["If-None-Match"], etag) {
		return false
	}
	x.w.WriteHeader(http.StatusNotModified)
	return true
}

// matchesETag reports whether the lines of If-None-Match hold a strong etag or the star. It compares weakly
// (RFC 9110 section 13.1.2), because a proxy that compresses a document makes its tag weak. A malformed list
// ends where it is malformed.
func matchesETag(lines []string, etag string) bool {
	list := strings.Join(lines, ",")
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	for {
		list = strings.TrimPrefix(strings.TrimLeft(list, ", \t"), "W/")
		if !strings.HasPrefix(list, `"`) {
			return false
		}
		end := strings.IndexByte(list[1:], '"') + 2
		if end < 2 {
			return false
		}
		if list[:end] == etag {
			return true
		}
		list = strings.TrimLeft(list[end:], " \t")
		if !strings.HasPrefix(list, ",") {
			return false
		}
	}
}
