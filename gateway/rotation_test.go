package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// refreshing allows refresh.
func refreshing(c *gateway.Config) {
	c.Token.Refresh = 30 * 24 * time.Hour
	c.Limit.TokenPerClient = 1 << 20
}

// family stores a login that may be refreshed.
func (e *env) family(id string, kind store.Kind) {
	claims := e.claims()
	if err := e.store.CreateFamily(context.Background(), &store.Family{
		ID: id, Serial: 1, Kind: kind, Subject: claims.Subject, ACR: claims.ACR, AuthTime: claims.AuthTime,
		Claims: "{}", CreatedAt: e.clock.now(), ExpiresAt: e.clock.now().Add(30 * 24 * time.Hour),
	}); err != nil {
		panic(err)
	}
}

// answerOf sends a request to the site.
func (e *env) answerOf(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	_ = e.site.Serve(w, r, gateway.RequestInfo{}, handedOn)
	return w
}

// pair is the answer of /token to a refresh token.
type pair struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ExpiresIn int    `json:"expires_in"`
	Error     string `json:"error"`
	status    int
}

func (e *env) refresh(raw string) (p pair) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {raw}}
	r := httptest.NewRequest(http.MethodPost, envURL+gateway.DefaultPath+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := e.answerOf(r)
	_ = json.Unmarshal(w.Body.Bytes(), &p) // an answer without JSON has no tokens
	p.status = w.Code
	return p
}

// honestApp is an app that loses answers, repeats and waits, with one exchange under way at a time. It stays
// within the limits, and counts them by the rules and not as the gateway does.
type honestApp struct {
	env    *env
	tokens []string             // of each exchange, the last one unused so far
	issued map[string]pair      // what each token was answered with
	spent  map[string]time.Time // when a token's successor was presented
	last   time.Time            // answer of the exchange under way
	counts []time.Time
}

// mayRepeat reports whether one more repeat of the last exchange is within the limits, and counts it.
func (a *honestApp) mayRepeat() bool {
	now := a.env.clock.now()
	if now.Sub(a.last) <= 30*time.Second {
		return true
	}
	recent := slices.DeleteFunc(slices.Clone(a.counts), func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	if len(recent) >= 3 {
		return false
	}
	a.counts = append(recent, now)
	return true
}

// send sends a token several times at once. Every answer must be the same.
func (a *honestApp) send(t *rapid.T, token string, times int) pair {
	answers := make([]pair, times)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = a.env.refresh(token) })
	}
	all.Wait()
	now := a.env.clock.now()
	for _, got := range answers {
		if got.status != http.StatusOK || got != answers[0] {
			t.Fatalf("an honest app got %+v beside %+v", got, answers[0])
		}
		before, repeated := a.issued[token]
		if repeated && before.Refresh != got.Refresh {
			t.Fatal("a repeat got another successor")
		}
		left := time.Duration(before.ExpiresIn)*time.Second - now.Sub(a.last)
		if kept := repeated && before.Access == got.Access; repeated && kept != (left >= time.Minute) {
			t.Fatalf("with %v left a repeat got the same access token: %t", left, kept)
		}
	}
	a.issued[token], a.last = answers[0], now
	return answers[0]
}

func newHonestApp(t *rapid.T, e *env, id string) *honestApp {
	e.family(id, store.App)
	return &honestApp{
		env: e, issued: map[string]pair{}, spent: map[string]time.Time{},
		tokens: []string{gateway.RefreshToken(id, 1, [32]byte{})},
	}
}

// live plays a part of the app's life.
func (a *honestApp) live(t *rapid.T) {
	lost := false // an answer, so that the app still holds the token before
	t.Repeat(map[string]func(*rapid.T){
		"refresh": func(t *rapid.T) {
			token := a.tokens[len(a.tokens)-1]
			if lost && !a.mayRepeat() {
				t.Skip("it would be one repeat too many")
			}
			if !lost && len(a.tokens) > 1 {
				a.spent[a.tokens[len(a.tokens)-2]] = a.env.clock.now()
			}
			next := a.send(t, token, rapid.IntRange(1, 4).Draw(t, "times"))
			if lost = rapid.Bool().Draw(t, "answer is lost"); !lost {
				a.tokens = append(a.tokens, next.Refresh)
			}
		},
		"an old request arrives": func(t *rapid.T) {
			if lost || len(a.tokens) < 2 || !a.mayRepeat() {
				t.Skip("there is none that may arrive")
			}
			a.send(t, a.tokens[len(a.tokens)-2], 1)
		},
		"wait a moment": func(t *rapid.T) { a.env.clock.advance(draw(t, 0, 40*time.Second)) },
		"wait":          func(t *rapid.T) { a.env.clock.advance(draw(t, 0, 9*time.Hour)) },
	})
}

func draw(t *rapid.T, least, most time.Duration) time.Duration {
	return time.Duration(rapid.IntRange(int(least/time.Second), int(most/time.Second)).Draw(t, "seconds")) * time.Second
}

// TestHonestAppKeepsItsLogin has an app on a phone that loses answers, repeats its requests and is closed for
// hours. While it stays within the limits, every exchange succeeds.
func TestHonestAppKeepsItsLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	rapid.Check(t, func(t *rapid.T) {
		newHonestApp(t, e, e.authority.NewID()).live(t)
	})
}

// TestCopiedRefreshTokenEndsTheLogin sends a copy of a token whose successor the app used more than 30 s ago.
// The thief gets no token, and the login ends.
func TestCopiedRefreshTokenEndsTheLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, refreshing)
	e.clock.stop()
	rapid.Check(t, func(t *rapid.T) {
		app := newHonestApp(t, e, e.authority.NewID())
		app.live(t)
		for range 2 { // at least one token is spent
			token := app.tokens[len(app.tokens)-1]
			if _, repeated := app.issued[token]; repeated && !app.mayRepeat() {
				return
			}
			if len(app.tokens) > 1 {
				app.spent[app.tokens[len(app.tokens)-2]] = e.clock.now()
			}
			app.tokens = append(app.tokens, app.send(t, token, 1).Refresh)
		}
		e.clock.advance(31*time.Second + draw(t, 0, time.Hour))
		var copies []string
		for _, token := range app.tokens {
			if at, ok := app.spent[token]; ok && e.clock.now().Sub(at) > 30*time.Second {
				copies = append(copies, token)
			}
		}
		newest := app.tokens[len(app.tokens)-1]
		last := app.issued[app.tokens[len(app.tokens)-2]]
		if got := e.refresh(rapid.SampledFrom(copies).Draw(t, "copy")); got.Error != "invalid_grant" {
			t.Fatalf("the copy got %+v", got)
		}
		if got := e.refresh(newest); got.Error != "invalid_grant" {
			t.Fatalf("the app's own token got %+v", got)
		}
		if got := e.answerOf(request("Authorization", "Bearer "+last.Access)); got.Code != http.StatusUnauthorized {
			t.Fatalf("the app's access token: %d", got.Code)
		}
	})
}

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
