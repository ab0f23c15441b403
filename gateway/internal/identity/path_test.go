package identity

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// twoReadings are paths that two servers read differently.
var twoReadings = []string{
	// PATH_INFO: PHP gets /index.php and the rest beside it, and routes by the rest.
	"/index.php/admin/x", "/INDEX.PHP/admin/x", "/index%2ephp/admin/x", "/index.%70hp/admin/x", "/a/b.php/", "/index.php5/admin", "/x.phtml/admin", "/x.phar/admin",
	"/index.phpx/admin", "/index.php.bak/admin",
	// Not UTF-8: overlong forms of two, three and four bytes, surrogates, what is beyond Unicode, half a character, Latin-1.
	"/%c0%afadmin", "/%c1%9cadmin", "/%e0%80%afadmin", "/%e0%80%ae%e0%80%ae/admin", "/%f0%80%80%afadmin", "/%f0%80%80%ae/x", "/%f8%80%80%80%afx",
	"/%ed%a0%80", "/%ed%b0%80x", "/%f4%90%80%80", "/%ff", "/%80", "/%e2%82", "/caf%e9",
	// Windows drops dots and blanks at the end of a name, and knows streams and short names.
	"/admin./x", "/admin.", "/admin..", "/admin%20/x", "/admin%20", "/admin.%20/x", "/admin%20./x", "/admin%c2%a0/x", "/admin%e3%80%80",
	"/admin::$DATA", "/admin::$index_allocation/x", "/admin%3a%3a$data", "/admin:$i30:$INDEX_ALLOCATION/x", "/admin:1/x", "/x%3a8080", "/ADMINI~1/x", "/admini%7e1/x",
	// Paths that earlier versions refused.
	"/a;/x", "/a%3bx", `/a\x`, "/a%5cx", "//a", "/a//b", "/a%2fb", "/a/%2F", "/./a", "/../a", "/a/..", "/a/%2e%2e/b", "/a/.%2e/b", "/a/%2e/b", "/.../a",
	"/%252e", "/%25", "/a%00", "/a%0a", "/a%7f", "a", "*", "",
}

// oneReading are paths that every server reads alike, though some look odd.
var oneReading = []string{
	"/", "/a", "/a/", "/index.php", "/a/index.php", "/php/admin", "/graphics.phx/a", "/v1/items:batchGet", "/v1/{name}:cancel", "/a:b/c", "/~user/x", "/~user", "/backup~",
	"/.well-known/x", "/a..b", "/..a", "/.a/b", "/a.b/c", "/a%20b.pdf", "/%20a", "/caf%C3%A9", "/%F0%9F%98%80", "/a$b", "/a@b", "/a,b", "/a=b&c", "/a!b", "/10.0.0.1/x",
}

// TestDoubtfulPaths requests paths that the upstream may read as others.
func TestDoubtfulPaths(t *testing.T) {
	t.Parallel()
	for _, path := range twoReadings {
		if u := pathOf(t, path); !DoubtfulPath(u) {
			t.Errorf("%q counts as a path with one reading", path)
		}
		if CanonicalPath(path) {
			t.Errorf("%q counts as canonical", path)
		}
	}
	for _, path := range oneReading {
		if u := pathOf(t, path); DoubtfulPath(u) {
			t.Errorf("%q counts as a path with two readings", path)
		}
	}
}

// pathOf returns the URL of a request for a path, as Go's server reads it.
func pathOf(t *testing.T, path string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return &url.URL{Path: path}
	}
	return u
}

// FuzzPath requests any path. A canonical path is never doubtful: a request that needs no login because its
// path is public would need none outside a matcher either. A path that is not doubtful has no mark that
// servers disagree about, by an independent check.
func FuzzPath(f *testing.F) {
	for _, path := range slices.Concat(twoReadings, oneReading) {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return // the server answers 400
		}
		clear := !DoubtfulPath(u)
		if CanonicalPath(u.EscapedPath()) && !clear {
			t.Errorf("%q is canonical and doubtful", path)
		}
		if CanonicalPath(u.EscapedPath()) && u.Path != u.EscapedPath() {
			t.Errorf("%q is canonical and needs decoding", path)
		}
		if clear && hasMarks(u) {
			t.Errorf("%q is not doubtful", path)
		}
	})
}

// hasMarks checks a path again, segment by segment.
func hasMarks(u *url.URL) bool {
	raw, segments := strings.Split(u.EscapedPath(), "/"), strings.Split(u.Path, "/")
	if len(raw) != len(segments) || raw[0] != "" || !utf8.ValidString(u.Path) {
		return true // an encoded slash, no slash at the start, or bytes that are no text
	}
	for i, segment := range segments[1:] {
		last := i == len(segments)-2
		switch {
		case segment == "" && !last:
			return true
		case segment != strings.TrimRight(segment, ". "):
			return true
		case !last && strings.Contains(strings.ToLower(segment), ".php"):
			return true
		case strings.ContainsAny(segment, ";\\%\x00\t\r\n\x7f") || strings.Contains(segment, "::"):
			return true
		}
		for d := '0'; d <= '9'; d++ {
			if strings.Contains(segment, ":"+string(d)) || strings.Contains(segment, "~"+string(d)) {
				return true
			}
		}
	}
	return false
}
