package dpop

import (
	"fmt"
	"strconv"
	"strings"
)

// Normalize returns the form of a URL in which htu and the URL of a request are compared: RFC 3986 section 6.2.2 without
// the removal of dot segments, and section 6.2.3. The query and the fragment do not count (RFC 9449 section 4.3).
//
// Dot segments, %2F and %5C stay as they are. Servers read them differently, and a proof for /a/../b must not be good for
// /b. ok is false for anything but an http or https URL with a host and without a user.
func Normalize(raw string) (normal string, ok bool) {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	scheme, rest, found := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	port := map[string]string{"https": ":443", "http": ":80"}[scheme]
	if !found || port == "" {
		return "", false
	}
	host, path := rest, "/"
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		host, path = rest[:at], rest[at:]
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), port), ":")
	if host == "" || strings.ContainsAny(host, "@\\ ") {
		return "", false
	}
	return scheme + "://" + host + normalPath(path), true
}

// normalPath decodes percent-encoded unreserved characters, and writes every other encoding in capitals. It encodes what no
// URL has unencoded (RFC 3986 section 3.3): browsers send | as it is, and servers read it as %7C.
func normalPath(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool { return r == '%' || r > '~' || !inPath(byte(r)) }) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c, ok := encodedByte(path[i:])
		switch {
		case !ok && !inPath(path[i]):
			fmt.Fprintf(&b, "%%%02X", path[i])
			continue
		case !ok:
			b.WriteByte(path[i])
			continue
		case unreserved(c):
			b.WriteByte(c)
		default:
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// encodedByte returns the byte that a text begins with as %XX.
func encodedByte(text string) (c byte, ok bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[1:3], 16, 8)
	return byte(n), err == nil
}

// inPath reports whether a byte stays as it is in a path: a character of RFC 3986 section 3.3, a lone %, or \.
func inPath(c byte) bool { return unreserved(c) || strings.IndexByte("/!$&'()*+,;=:@%\\", c) >= 0 }

// unreserved reports whether a byte means the same encoded and as itself (RFC 3986 section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
