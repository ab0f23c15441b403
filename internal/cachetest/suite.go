//go:build unix

package cachetest

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/rawhttptest"
)

// The hosts of the sites that the gateway must have. Paths below /public/ need no login.
const (
	Host     = "app.example.be"
	Optional = "optional.example.be" // with optional
)

// Env is a gateway behind a cache.
type Env struct {
	// Addr is the address of the cache.
	Addr string
	// Bearer and Cookie return the header line of a user. Each call makes a new user.
	Bearer, Cookie func(t *testing.T) (line, subject string)
	// Renewing returns a cookie that the response renews. Each call makes a new user.
	Renewing func(t *testing.T) (line, subject string)
	// Stored is a path below /public that the cache stores.
	Stored string
}

// policies are the header lines of an upstream, by path. Each makes some cache store the response.
var policies = map[string][]string{
	"/immutable":  {"Cache-Control: public, max-age=31536000, immutable"},
	"/fresh":      {"Cache-Control: max-age=600"},
	"/shared":     {"Cache-Control: s-maxage=600"},
	"/revalidate": {"Cache-Control: max-age=600, must-revalidate"},
	"/bare":       {},
	"/expires":    {"Expires: Thu, 01 Jan 2099 00:00:00 GMT", "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT"},
	"/field":      {`Cache-Control: private="X-Foo", max-age=600`},
	"/cookie":     {`Cache-Control: no-cache="Set-Cookie", public, max-age=600`},
	"/accel":      {"X-Accel-Expires: 600"},
	"/cdn":        {"Cache-Control: private", "CDN-Cache-Control: max-age=600", "Surrogate-Control: max-age=600", "Souin-Cache-Control: max-age=600", "X-LiteSpeed-Cache-Control: public,max-age=600", "Edge-Control: cache-maxage=600s"},
	"/vary":       {"Cache-Control: private, max-age=600", "Vary: Authorization"},
	"/moved":      {"Cache-Control: public, max-age=600", "Status: 301"},
	"/missing":    {"Cache-Control: public, max-age=600", "Status: 404"},
}

// together is the path at which the upstream waits for two requests before it answers both.
const together = "/together"

// NewOrigin returns an upstream that answers each user with a page of their own. The page has the number of
// the response. The first element of the path, after /public, selects the policy.
func NewOrigin() http.Handler {
	var answers atomic.Int64
	pair := make(chan struct{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == together {
			select {
			case pair <- struct{}{}:
			case <-pair:
			case <-r.Context().Done():
			}
		}
		status := http.StatusOK
		for _, line := range policies["/"+strings.Split(strings.TrimPrefix(r.URL.Path, "/public"), "/")[1]] {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Status" {
				_, _ = fmt.Sscan(value, &status)
				continue
			}
			w.Header().Set(name, value)
		}
		if status == http.StatusMovedPermanently {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, page(r.Header.Get("X-Itsme-Subject"))+fmt.Sprintf(" answer %d", answers.Add(1)))
	})
}

// page returns the page of a user, or the page of a guest without a login.
func page(subject string) string { return "page of <" + cmp.Or(subject, "a guest") + ">" }

// ask sends a client's request through the cache.
func (e Env) ask(t *testing.T, host, path, line string) rawhttptest.Answer {
	t.Helper()
	return rawhttptest.Do(t, e.Addr, request(host, path, line))
}

func request(host, path, line string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + line + "\r\n"
}

// Suite attacks users through the cache.
func Suite(t *testing.T, e Env) {
	t.Run("what needs no login is stored", e.control)
	t.Run("two users at once", e.atOnce)
	for path := range policies {
		for name, credential := range map[string]func(*testing.T) (string, string){"bearer": e.Bearer, "cookie": e.Cookie, "renewed cookie": e.Renewing} {
			t.Run(name+" at "+path, func(t *testing.T) {
				for _, host := range []string{Host, Optional} {
					e.attack(t, host, path+"/"+strings.ReplaceAll(t.Name(), "/", "-"), credential)
				}
			})
		}
		t.Run("bad cookie at "+path, func(t *testing.T) { e.poison(t, path+"/"+strings.ReplaceAll(t.Name(), "/", "-")) })
	}
}

// control checks that the cache stores responses at all. Without that, the attacks would prove nothing.
func (e Env) control(t *testing.T) {
	for _, host := range []string{Host, Optional} {
		first, second := e.ask(t, host, "/public"+e.Stored, ""), e.ask(t, host, "/public"+e.Stored, "")
		if first.Status != http.StatusOK || first.Body != second.Body {
			t.Errorf("%s: %d %q, then %q", host, first.Status, first.Body, second.Body)
		}
	}
}

// attack has a user request a page. Then an attacker without a login requests it, to get the user's page or
// cookie. Then another user requests it, and must get their own.
func (e Env) attack(t *testing.T, host, path string, credential func(*testing.T) (string, string)) {
	t.Helper()
	path = strings.ReplaceAll(path, " ", "_")
	line, subject := credential(t)
	for range 2 { // some caches store the second response
		if got := e.ask(t, host, path, line); !strings.Contains(got.Body, page(subject)) {
			t.Fatalf("%s: the user gets %d %q", host, got.Status, got.Body)
		}
	}
	for name, other := range map[string]string{"no credential": "", "another cookie": "Cookie: theme=dark\r\n", "a bad one": "Cookie: itsme=x; __Host-itsme=x\r\n"} {
		got := e.ask(t, host, path, other)
		if strings.Contains(got.Body, subject) || strings.Contains(strings.Join(got.Header["Set-Cookie"], " "), "itsme=ey") {
			t.Errorf("%s, %s: an attacker gets %d %q and the cookies %q", host, name, got.Status, got.Body, got.Header["Set-Cookie"])
		}
	}
	line, other := credential(t)
	if got := e.ask(t, host, path, line); !strings.Contains(got.Body, page(other)) {
		t.Errorf("%s: another user gets %d %q", host, got.Status, got.Body)
	}
}

// atOnce has two users request one page at the same time. Some caches merge such requests.
func (e Env) atOnce(t *testing.T) {
	for name, credential := range map[string]func(*testing.T) (string, string){"bearer": e.Bearer, "cookie": e.Cookie} {
		var conns [2]*rawhttptest.Conn
		var subjects [2]string
		for i := range conns {
			var line string
			line, subjects[i] = credential(t)
			conns[i] = rawhttptest.Dial(t, e.Addr)
			conns[i].Send(request(Host, together, line))
		}
		for i, c := range conns {
			if got := c.Answer(http.MethodGet); !strings.Contains(got.Body, page(subjects[i])) {
				t.Errorf("%s: %s gets %d %q", name, subjects[i], got.Status, got.Body)
			}
		}
	}
}

// poison sends a bad cookie. The response deletes the cookie: stored, it would log every user out. After it,
// users must get their own page, and clients without a login a page that sets no cookie.
func (e Env) poison(t *testing.T, path string) {
	t.Helper()
	path = strings.ReplaceAll(path, " ", "_")
	for range 2 {
		if got := e.ask(t, Optional, path, "Cookie: itsme=garbage; __Host-itsme=garbage\r\n"); !strings.Contains(got.Body, page("")) || !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
			t.Fatalf("the attacker gets %d %q and the cookies %q", got.Status, got.Body, got.Header["Set-Cookie"])
		}
	}
	for range 2 {
		if got := e.ask(t, Optional, path, ""); !strings.Contains(got.Body, page("")) || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("a client without a login gets %d %q and the cookies %q", got.Status, got.Body, got.Header["Set-Cookie"])
		}
	}
	for name, credential := range map[string]func(*testing.T) (string, string){"bearer": e.Bearer, "cookie": e.Cookie} {
		line, subject := credential(t)
		if got := e.ask(t, Optional, path, line); !strings.Contains(got.Body, page(subject)) {
			t.Errorf("%s: a user gets %d %q", name, got.Status, got.Body)
		}
	}
}
