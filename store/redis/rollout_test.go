package redis_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/keyring"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// rolling is a fleet whose replicas are replaced one after another while clients use it.
type rolling struct {
	server   *redistest.Server
	keys     *token.Keys
	sim      *signicattest.Server
	upstream *logintest.Upstream
	replicas []*seat
}

// seat is the address of a replica, at which one follows on another. The next one serves before the one before
// it closes, as at a reload of Caddy.
type seat struct {
	*logintest.Env
	mu      sync.RWMutex
	handler http.Handler
	close   func()
	store   *redis.Store
}

// ServeHTTP implements http.Handler.
func (s *seat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.handler.ServeHTTP(w, r)
}

func startRolling(t *testing.T, replicas int, secrets ...[]byte) *rolling {
	t.Helper()
	f := &rolling{server: redistest.Start(t), keys: keystest.New(t, token.DefaultAlgorithm), upstream: new(logintest.Upstream)}
	var urls []string
	for range replicas {
		s := new(seat)
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		s.Env = &logintest.Env{URL: web.URL, Upstream: f.upstream}
		f.replicas, urls = append(f.replicas, s), append(urls, web.URL+logintest.Path+"/app/callback")
	}
	var err error
	f.sim, err = signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true, RedirectURLs: append(urls, f.replicas[0].URL+logintest.Path+"/callback"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.sim.Close)
	for i, s := range f.replicas {
		s.Signicat = f.sim
		f.replace(t, i, secrets...)
	}
	t.Cleanup(func() {
		for _, s := range f.replicas {
			s.close()
		}
	})
	return f
}

// replace starts the next replica at a seat, waits until it is ready, and ends the one before it.
func (f *rolling) replace(t *testing.T, i int, secrets ...[]byte) {
	t.Helper()
	c := config(f.server.Address)
	c.Secret = secrets[0]
	if len(secrets) > 1 {
		c.OtherSecret = secrets[1]
	}
	st, err := redis.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	st.Start()
	wantReady(t, "the next replica", st)
	g, err := gateway.New(gateway.Config{
		PublicURL: f.replicas[0].URL,
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret, APIURL: f.sim.URL,
		},
		Attributes: []string{"name"},
		Token:      gateway.TokenConfig{Refresh: 30 * 24 * time.Hour},
		Limit: gateway.LimitConfig{
			SessionsPerClient: 1e6, SessionsWindow: time.Minute, TokenPerClient: 1e6, TokenWindow: time.Minute,
			AllSessions: 1e6, AllSessionsWindow: time.Minute,
		},
		Store: st, Keys: f.keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s, end := f.replicas[i], func() { _ = g.Close(); _ = st.Close() }
	s.mu.Lock() // when no request is under way
	before := s.close
	s.handler, s.close, s.store = site.Handler(f.upstream), end, st
	s.mu.Unlock()
	if before != nil {
		before()
	}
}

// roll replaces all replicas, one after another, and lets clients use each mix.
func (f *rolling) roll(t *testing.T, work func(rounds int64), secrets ...[]byte) {
	t.Helper()
	for i := range f.replicas {
		f.replace(t, i, secrets...)
		work(4)
	}
}

// client logs in at one replica, uses and refreshes the login at another, and logs out at a third.
type client struct {
	fleet  *rolling
	rounds atomic.Int64
	mu     sync.Mutex
	ended  []string // access tokens of logins that ended
}

// run works until the context ends. Every answer has to be the right one, at every replica.
func (c *client) run(ctx context.Context, t *testing.T) {
	for n := 0; ctx.Err() == nil && !t.Failed(); n++ {
		at := func(i int) *logintest.App { return c.fleet.replicas[(n+i)%len(c.fleet.replicas)].NewApp() }
		app := at(0)
		app.Start(t)
		code, state := app.Approve(t, "adult")
		finish := at(1)
		finish.Verifier = app.Verifier
		got := wantOK(t, "logging in", finish.Redeem(t, code, state))
		wantOK(t, "calling", at(0).Call(t, "/api", got.Text("access_token")))
		next := wantOK(t, "refreshing", at(1).Refresh(t, got.Text("refresh_token")))
		access := next.Text("access_token")
		wantOK(t, "calling with the next token", at(0).Call(t, "/api", access))
		wantOK(t, "revoking", at(0).Post(t, "/revoke", url.Values{"token": {next.Text("refresh_token")}}))
		for i := range c.fleet.replicas { // one that replaced another has read the list up to a second ago
			redistest.Until(t, "the replica refuses", func() bool { return at(i).Call(t, "/api", access).Status == http.StatusUnauthorized })
		}
		c.mu.Lock()
		c.ended = append(c.ended, access)
		c.mu.Unlock()
		c.rounds.Add(1)
	}
}

func wantOK(t *testing.T, what string, got logintest.Answer) logintest.Answer {
	t.Helper()
	if got.Status != http.StatusOK {
		t.Errorf("%s: %d %s", what, got.Status, got.Body)
	}
	return got
}

func wantEnded(t *testing.T, app *logintest.App, access string) {
	t.Helper()
	if got := app.Call(t, "/api", access); got.Status != http.StatusUnauthorized {
		t.Errorf("a token of a login that ended gets %d", got.Status)
	}
}

// TestSecretIsChangedUnderLoad walks the three roll-outs that change a secret, with two replicas and clients that
// log in, refresh and revoke all the time. Nothing is refused that is good. Nothing that was revoked is let in,
// and no login ends. At the end Redis has nothing that the old secret opens.
func TestSecretIsChangedUnderLoad(t *testing.T) {
	t.Parallel()
	oldSecret, newSecret := []byte(secret), otherSecret
	f := startRolling(t, 2, oldSecret)
	dropped := f.replicas[0].store.Documents()
	if err := dropped.Update(t.Context(), keyring.DroppedDocument, func([]byte) ([]byte, error) { return []byte("dropped"), nil }); err != nil {
		t.Fatal(err)
	}
	stayer := f.replicas[0].NewApp()
	stayer.Start(t)
	code, state := stayer.Approve(t, "adult")
	stays := wantOK(t, "logging in to stay", stayer.Redeem(t, code, state)).Text("refresh_token")
	stay := func(when string) {
		t.Helper()
		for _, s := range f.replicas {
			stays = wantOK(t, when, s.NewApp().Refresh(t, stays)).Text("refresh_token")
		}
	}

	c := &client{fleet: f}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for range 3 {
		load.Go(func() { c.run(ctx, t) })
	}
	work := func(rounds int64) {
		until := c.rounds.Load() + rounds
		redistest.Until(t, "clients have worked", func() bool { return c.rounds.Load() >= until || t.Failed() })
	}
	work(4)
	f.roll(t, work, oldSecret, newSecret)
	stay("refreshing after the first roll-out")
	f.roll(t, work, newSecret, oldSecret)
	stay("refreshing after the second roll-out")
	var left redis.Sealed
	redistest.Until(t, "everything is sealed anew", func() bool {
		left = secrets(t, f.replicas[0].store)[1]
		left.Pending = 0 // logins that ended, which go by themselves after five minutes
		return left.Total() == 0 && !left.Canary
	})
	f.roll(t, work, newSecret)
	stay("refreshing after the third roll-out")
	cancel()
	load.Wait()

	for i, s := range f.replicas {
		for _, access := range c.ended {
			wantEnded(t, s.NewApp(), access)
		}
		if text, err := s.store.Documents().Read(t.Context(), keyring.DroppedDocument); string(text) != "dropped" || err != nil {
			t.Errorf("replica %d: the dropped keys are %q, %v", i, text, err)
		}
	}
	late, _ := start(t, f.server.Address, oldSecret)
	wantUnreadable(t, "a replica with the old secret", func() error { _, err := late.Mark(t.Context()); return err })
	t.Logf("%d logins, refreshes and revocations", c.rounds.Load())
}
