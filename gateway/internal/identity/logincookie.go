package identity

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxLoginCookies bounds the login cookies of one browser. Beyond it the oldest cookie is deleted, and a
	// cookie of a finished login before that of an open one.
	MaxLoginCookies = 10
	// loginSuffix is the number of characters of a session_id in the name of its login cookie.
	loginSuffix = 8
	// finishedMark ends the value of a login cookie whose login is finished.
	finishedMark = ".f"
)

// Login returns the name of a login's cookie.
func (c Cookies) Login(sessionID string) string { return c.login + sessionID[:loginSuffix] }

// LoginValue returns the value of a login's cookie as [NewLoginValue] made it, empty when it was not sent once.
func (c Cookies) LoginValue(lines []string, sessionID string) string {
	value, _ := c.Value(lines, c.Login(sessionID))
	return strings.TrimSuffix(value, finishedMark)
}

// SetFinished keeps the cookie of a finished login, so that this browser may open the login's callback again.
func (c Cookies) SetFinished(w http.ResponseWriter, sessionID, value string, lifetime time.Duration) {
	if lifetime < time.Second {
		c.Clear(w, c.Login(sessionID))
		return
	}
	c.Set(w, c.Login(sessionID), value+finishedMark, lifetime)
}

// NewLoginValue returns a value for a login cookie: the current time and 32 random bytes.
func NewLoginValue(now time.Time) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return strconv.FormatInt(now.UnixMicro(), 36) + "." + base64.RawURLEncoding.EncodeToString(secret)
}

// madeAt returns the time in a login cookie. A value in another form counts as the oldest.
func madeAt(value string) int64 {
	made, _, _ := strings.Cut(value, ".")
	t, err := strconv.ParseInt(made, 36, 64)
	if err != nil {
		return 0
	}
	return t
}

// loginCookie is the cookie of a login, as a browser sent it.
type loginCookie struct {
	name     string
	made     int64
	finished bool
}

// loginName reports whether a name is that of a login cookie. A name that the gateway did not make is not
// repeated in an answer.
func (c Cookies) loginName(name string) bool {
	suffix, ok := strings.CutPrefix(name, c.login)
	return ok && len(suffix) <= loginSuffix && !strings.ContainsFunc(suffix, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// loginCookies returns the login cookies that a browser sent.
func (c Cookies) loginCookies(lines []string) (cookies []loginCookie) {
	for name, value := range pairs(lines) {
		if c.loginName(name) {
			cookies = append(cookies, loginCookie{name, madeAt(value), strings.HasSuffix(value, finishedMark)})
		}
	}
	return cookies
}

// MakeRoom deletes login cookies, so that with one more there are at most [MaxLoginCookies]. Those of finished
// logins go first, and then the oldest.
func (c Cookies) MakeRoom(w http.ResponseWriter, lines []string) {
	cookies := c.loginCookies(lines)
	if len(cookies) < MaxLoginCookies {
		return
	}
	slices.SortFunc(cookies, func(a, b loginCookie) int {
		switch {
		case a.finished && !b.finished:
			return 1
		case b.finished && !a.finished:
			return -1
		}
		return cmp.Compare(b.made, a.made)
	})
	for _, old := range cookies[MaxLoginCookies-1:] {
		c.Clear(w, old.name)
	}
}

// ClearLogins deletes all login cookies that a browser sent.
func (c Cookies) ClearLogins(w http.ResponseWriter, lines []string) {
	for _, cookie := range c.loginCookies(lines) {
		c.Clear(w, cookie.name)
	}
}
