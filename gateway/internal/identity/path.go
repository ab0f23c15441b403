package identity

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CanonicalPath reports whether an escaped path has only one spelling: it needs no decoding, and every server
// reads it as the same path. A canonical path is never a [DoubtfulPath].
func CanonicalPath(path string) bool {
	for i := range len(path) {
		if path[i] <= ' ' || path[i] > '~' || path[i] == '%' {
			return false
		}
	}
	return !ambiguous(path)
}

// DoubtfulPath reports whether servers may read different paths from a URL, such as /index.php/admin or
// /a%2fb. A matcher may take such a path for a public one while the upstream takes it for a private one.
// Unlike [CanonicalPath], encodings are allowed that every server decodes alike, such as those of a blank or
// é.
func DoubtfulPath(u *url.URL) bool {
	if ambiguous(u.Path) {
		return true
	}
	escaped := u.EscapedPath()
	for i := range len(escaped) - 2 {
		if escaped[i] == '%' && escaped[i+1] == '2' && strings.IndexByte("fFeE", escaped[i+2]) >= 0 {
			return true // a slash or a dot: only some servers decode it before they split the path
		}
	}
	return false
}

// ambiguous reports whether servers read a decoded path in several ways. It finds parameters after a
// semicolon, a backslash, double encoding, empty segments, control characters, bytes that are not UTF-8 (such
// as overlong forms of a slash or a dot), and the names of [ambiguousSegment].
func ambiguous(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, ";\\%") || strings.Contains(path, "//") || !utf8.ValidString(path) {
		return true
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return true
		}
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if ambiguousSegment(segment) || (more && script(segment)) {
			return true
		}
	}
	return false
}

// ambiguousSegment reports whether file systems or servers read a name as another one. Windows drops dots and
// blanks at the end of a name. After a colon Windows expects a stream (/admin::$DATA), and some servers a
// port (/admin:80). A tilde and a digit make a short name (/ADMINI~1).
func ambiguousSegment(segment string) bool {
	if last, _ := utf8.DecodeLastRuneInString(segment); last == '.' || unicode.IsSpace(last) {
		return true
	}
	for i := range len(segment) - 1 {
		next := segment[i+1]
		digit := '0' <= next && next <= '9'
		switch segment[i] {
		case ':':
			if digit || next == ':' || next == '$' {
				return true
			}
		case '~':
			if digit {
				return true
			}
		}
	}
	return false
}

// script reports whether a segment may name a PHP script. The rest of the path, as in /index.php/admin, is
// then an argument (PATH_INFO), by which most applications route. Some servers also accept the extension in
// the middle of a name.
func script(segment string) bool {
	if !strings.Contains(segment, ".") {
		return false
	}
	segment = strings.ToLower(segment)
	return strings.Contains(segment, ".php") || strings.Contains(segment, ".phtml") || strings.Contains(segment, ".phar")
}
