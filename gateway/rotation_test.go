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
