package identity

import (
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Cookies names, reads, writes and strips the gateway's cookies: one for a browser's session, and one for
// each login that the browser started. All are host-only. On https they have the __Host- prefix, which no
// sibling host and no plain http can set (RFC 6265bis section 4.1.3.2).
type Cookies struct {
	// Session is the name of the cookie that holds a session token.
	Session string
	// Probe is the name of the cookie that shows whether the browser stores cookies.
	Probe string

	login  string // prefix
	secure bool
}

// NewCookies returns the cookies for a base name, on https or not.
func NewCookies(base string, secure bool) Cookies {
	if secure {
		base = "__Host-" + base
	}
	return Cookies{Session: base, Probe: base + "-p", login: base + "-l-", secure: secure}
}

// Owns reports whether a cookie's name belongs to the gateway. Such a cookie never goes to an upstream.
func (c Cookies) Owns(name string) bool {
	return name == c.Session || name == c.Probe || strings.HasPrefix(name, c.login)
}

// UntilClosed is the lifetime of a cookie that the browser deletes when it closes.
const UntilClosed time.Duration = 0

// Set sets a cookie in an answer.
func (c Cookies) Set(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	w.Header().Add("Set-Cookie", c.SetLine(name, value, lifetime))
}

// SetLine returns the Set-Cookie that sets a cookie.
func (c Cookies) SetLine(name, value string, lifetime time.Duration) string {
	return c.line(name, value, int(lifetime/time.Second))
}

// Clear deletes a cookie, with the attributes that Set gave it.
func (c Cookies) Clear(w http.ResponseWriter, name string) {
	w.Header().Add("Set-Cookie", c.ClearLine(name))
}

// ClearLine returns the Set-Cookie that deletes a cookie.
func (c Cookies) ClearLine(name string) string { return c.line(name, "", -1) }

// line returns a Set-Cookie. A negative maxAge deletes the cookie.
func (c Cookies) line(name, value string, maxAge int) string {
	return (&http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   c.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}).String()
}

// blank holds the characters that browsers and RFC 9110 trim from the name and value of a cookie, and no
// others. A name that is ours only after another blank is trimmed, such as U+2000, has no __Host- prefix to a
// browser: a sibling host can plant it with Domain=, to log the user in as the attacker or to lock the user
// out.
const blank = " \t"

// pairs yields the names and values of the cookies that a browser sent. It skips a pair without =, which is a
// value without a name (RFC 6265bis section 5.8.3).
func pairs(lines []string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, line := range lines {
			for pair := range strings.SplitSeq(line, ";") {
				name, value, named := strings.Cut(pair, "=")
				if named && !yield(strings.Trim(name, blank), strings.Trim(value, blank)) {
					return
				}
			}
		}
	}
}

// Value returns the value of a cookie from the lines of Cookie, and whether it was sent. A cookie that was
// sent twice has no value.
func (c Cookies) Value(lines []string, name string) (value string, sent bool) {
	found := 0
	for key, text := range pairs(lines) {
		if key == name {
			value = text
			found++
		}
	}
	if found != 1 {
		return "", found > 0
	}
	return value, true
}

// Strip removes our cookies from a header that goes upstream. Every other byte stays. It removes more names
// than [Cookies.Value] reads: upstreams trim names differently.
func (c Cookies) Strip(h http.Header) {
	if slices.ContainsFunc(h["Cookie"], func(line string) bool { return strings.Contains(line, c.Session) }) {
		rewriteLines(h, "Cookie", c.withoutOwn)
	}
}

func (c Cookies) withoutOwn(line string) string {
	pairs := strings.Split(line, ";")
	kept := slices.DeleteFunc(slices.Clone(pairs), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return c.Owns(strings.TrimFunc(name, notTokenChar))
	})
	if len(kept) == len(pairs) {
		return line
	}
	return strings.TrimLeft(strings.Join(kept, ";"), " ")
}
