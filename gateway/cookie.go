package gateway

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxLoginCookies bounds the logins that one browser has open at a time; the oldest goes.
	maxLoginCookies = 10
	// loginSuffix is how much of a session_id stands in the name of its login cookie.
	loginSuffix = 8
)

// cookies names and writes the gateway's cookies: one for a browser's session, one for each
// login that it started. All are host-only and, on https, carry the __Host- prefix, which no
// sibling host and no plain http can set (RFC 6265bis section 4.1.3.2).
type cookies struct {
	session string
	login   string // prefix
	probe   string // shows that the browser keeps cookies at all
	secure  bool
}

func newCookies(base string, secure bool) cookies {
	if secure {
		base = "__Host-" + base
	}
	return cookies{session: base, login: base + "-l-", probe: base + "-p", secure: secure}
}

// owns reports whether a cookie's name is ours, so that it never goes to an upstream.
func (c cookies) owns(name string) bool {
	return name == c.session || name == c.probe || strings.HasPrefix(name, c.login)
}

func (c cookies) loginName(sessionID string) string { return c.login + sessionID[:loginSuffix] }

// newLoginValue is what binds a login to a browser: when it was made, and 32 random bytes.
func newLoginValue(now time.Time) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return strconv.FormatInt(now.UnixMicro(), 36) + "." + base64.RawURLEncoding.EncodeToString(secret)
}

// madeAt reads when a login cookie was made. A value that is not ours is the oldest of all.
func madeAt(value string) int64 {
	made, _, _ := strings.Cut(value, ".")
	t, err := strconv.ParseInt(made, 36, 64)
	if err != nil {
		return 0
	}
	return t
}

// untilClosed is the lifetime of a cookie that the browser drops when it closes.
const untilClosed time.Duration = 0

func (c cookies) set(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	w.Header().Add("Set-Cookie", c.valued(name, value, lifetime))
}

// valued is the Set-Cookie that sets a cookie.
func (c cookies) valued(name, value string, lifetime time.Duration) string {
	return c.line(name, value, int(lifetime/time.Second))
}

// clear deletes a cookie, with the attributes that it was set with.
func (c cookies) clear(w http.ResponseWriter, name string) {
	w.Header().Add("Set-Cookie", c.cleared(name))
}

// cleared is the Set-Cookie that deletes a cookie.
func (c cookies) cleared(name string) string { return c.line(name, "", -1) }

// line is a Set-Cookie; a maxAge below zero deletes the cookie.
func (c cookies) line(name, value string, maxAge int) string {
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

// blank is what browsers and RFC 9110 take off the ends of a cookie's name and value, and nothing
// else. A name that is ours only without another blank, such as U+2000, has no __Host- prefix to a
// browser: a sibling host can plant it with Domain=, to log the user in as the attacker or to lock
// them out.
const blank = " \t"

// pairs yields the names and values of the cookies that a browser sent. A pair without = is a value
// without a name (RFC 6265bis section 5.8.3), and left out.
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

// value reads a cookie. Of one that was sent twice, neither counts: it is unreadable.
func (c cookies) value(lines []string, name string) (value string, sent bool) {
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

// makeRoom deletes the oldest login cookies beyond the bound, before another is set.
func (c cookies) makeRoom(w http.ResponseWriter, lines []string) {
	type login struct {
		name string
		made int64
	}
	var logins []login
	for name, value := range pairs(lines) {
		if strings.HasPrefix(name, c.login) {
			logins = append(logins, login{name, madeAt(value)})
		}
	}
	if len(logins) < maxLoginCookies {
		return
	}
	slices.SortFunc(logins, func(a, b login) int { return cmp.Compare(b.made, a.made) })
	for _, old := range logins[maxLoginCookies-1:] {
		c.clear(w, old.name)
	}
}

// strip takes our cookies out of what goes upstream and leaves every other byte as it is. It is more
// generous than what counts: upstreams trim names in ways of their own.
func (c cookies) strip(h http.Header) {
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, c.session) }) {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		if line = c.withoutOwn(line); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

func (c cookies) withoutOwn(line string) string {
	pairs := strings.Split(line, ";")
	kept := slices.DeleteFunc(slices.Clone(pairs), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return c.owns(strings.TrimFunc(name, noTokenChar))
	})
	if len(kept) == len(pairs) {
		return line
	}
	return strings.TrimLeft(strings.Join(kept, ";"), " ")
}
