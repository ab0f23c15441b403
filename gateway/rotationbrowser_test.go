package gateway_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// honestBrowser is a browser on a bad line: it loses answers, sends requests in parallel, and some requests
// arrive late.
type honestBrowser struct {
	env     *env
	cookies []string             // of which it sends the last
	spent   map[string]time.Time // when a cookie's successor was first sent
	flying  []string             // cookies of requests that have not arrived yet
	arrives time.Time            // when the first of these cookies expires
}

func newHonestBrowser(t *rapid.T, e *env, id string) *honestBrowser {
	e.family(id, store.Browser)
	claims := e.claims()
	claims.ID = id + ".1"
	raw, _, err := e.authority.IssueSession(claims)
	if err != nil {
		t.Fatal(err)
	}
	return &honestBrowser{env: e, cookies: []string{raw}, spent: map[string]time.Time{}}
}

func (b *honestBrowser) current() string { return b.cookies[len(b.cookies)-1] }

// arrive is a request of the browser's at the gateway. It returns the cookie that the answer sets.
func (b *honestBrowser) arrive(t *rapid.T, cookie string) string {
	if at := slices.Index(b.cookies, cookie); at > 0 {
		if _, known := b.spent[b.cookies[at-1]]; !known {
			b.spent[b.cookies[at-1]] = b.env.clock.now()
		}
	}
	w := b.env.answerOf(request("Cookie", "__Host-itsme="+cookie))
	if w.Code != http.StatusOK {
		t.Fatalf("an honest browser got %d", w.Code)
	}
	for _, c := range w.Result().Cookies() {
		return c.Value
	}
	return ""
}

// land lets the requests arrive that are under way. None is on its way for longer than 30 s after
// the browser sent the next cookie, or beyond the end of its own.
func (b *honestBrowser) land(t *rapid.T) {
	for _, cookie := range b.flying {
		b.arrive(t, cookie)
	}
	b.flying = nil
}

func (b *honestBrowser) live(t *rapid.T) {
	until := b.env.clock.now().Add(gateway.DefaultCookieLifetime) // of the cookie
	t.Repeat(map[string]func(*rapid.T){
		"request": func(t *rapid.T) {
			next := b.arrive(t, b.current())
			if next == "" || rapid.Bool().Draw(t, "answer is lost") {
				return
			}
			if !slices.Contains(b.cookies, next) {
				b.cookies = append(b.cookies, next)
			}
			claims, err := b.env.authority.VerifySession(next)
			if err != nil {
				t.Fatalf("the next cookie: %v", err)
			}
			until = claims.ExpiresAt
		},
		"a request that takes its time": func(*rapid.T) {
			if len(b.flying) == 0 {
				b.arrives = until
			}
			b.flying = append(b.flying, b.current())
		},
		"requests arrive": b.land,
		"wait a moment": func(t *rapid.T) {
			d := draw(t, 0, 30*time.Second)
			if !b.env.clock.now().Add(d).Before(until) {
				t.Skip("the cookie would expire")
			}
			then := b.env.clock.now().Add(d)
			if at, spent := b.spentBefore(); spent && then.Sub(at) > 30*time.Second || !then.Before(b.arrives) {
				b.land(t)
			}
			b.env.clock.advance(d)
		},
		"wait": func(t *rapid.T) {
			d := draw(t, 0, 3*time.Hour)
			if !b.env.clock.now().Add(d).Before(until) {
				t.Skip("the cookie would expire")
			}
			b.land(t)
			b.env.clock.advance(d)
		},
	})
	b.land(t)
}

// spentBefore returns the time at which the browser first sent its current cookie.
func (b *honestBrowser) spentBefore() (at time.Time, spent bool) {
	if len(b.cookies) < 2 {
		return time.Time{}, false
	}
	at, spent = b.spent[b.cookies[len(b.cookies)-2]]
	return at, spent
}

// TestHonestBrowserKeepsItsLogin has a browser that loses answers for hours, uploads for a long time, and
// sends many requests at once. Until its cookie expires, every request succeeds.
func TestHonestBrowserKeepsItsLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	rapid.Check(t, func(t *rapid.T) {
		newHonestBrowser(t, e, e.authority.NewID()).live(t)
	})
}

// TestCopiedCookieEndsTheLogin sends a copy of a cookie whose successor the browser sent more than 30 s ago.
func TestCopiedCookieEndsTheLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	rapid.Check(t, func(t *rapid.T) {
		b := newHonestBrowser(t, e, e.authority.NewID())
		for range rapid.IntRange(1, 4).Draw(t, "renewals") {
			e.clock.advance(4*time.Hour + draw(t, 0, 3*time.Hour-time.Second))
			b.cookies = append(b.cookies, b.arrive(t, b.current()))
			e.clock.advance(draw(t, 0, time.Hour))
			b.arrive(t, b.current())
		}
		e.clock.advance(31*time.Second + draw(t, 0, time.Minute))
		var copies []string
		for cookie := range b.spent {
			if claims, err := e.authority.VerifySession(cookie); err == nil && claims.ExpiresAt.After(e.clock.now()) {
				copies = append(copies, cookie)
			}
		}
		if len(copies) == 0 {
			t.Skip("every copy has expired")
		}
		slices.Sort(copies)
		stolen := rapid.SampledFrom(copies).Draw(t, "copy")
		for name, cookie := range map[string]string{"the copy": stolen, "the copy again": stolen} {
			if got := e.answerOf(request("Cookie", "__Host-itsme="+cookie)); got.Code != http.StatusUnauthorized {
				t.Fatalf("%s got %d", name, got.Code)
			}
		}
		if got := e.answerOf(request("Cookie", "__Host-itsme="+b.current())); got.Code != http.StatusUnauthorized {
			t.Fatalf("the browser's own cookie got %d", got.Code)
		}
	})
}
