package redis_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/redistest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis"
	"github.com/caddy-itsme/caddy-itsme/store/storetest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestClockOffRedisIsLogged moves this machine's clock beyond the limit and back, and does each thing whose
// answer holds Redis' time. Each change has one line.
func TestClockOffRedisIsLogged(t *testing.T) {
	t.Parallel()
	address := redistest.Start(t).Address
	var (
		ahead time.Duration
		mu    sync.Mutex
		log   bytes.Buffer
	)
	move := func(to time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		ahead = to
	}
	c := config(address)
	c.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	}
	c.Logger = slog.New(slog.NewTextHandler(locked{&mu, &log}, nil))
	st := open(t, c)
	if _, known := st.ClockAhead(); known {
		t.Error("an offset is known before the first answer")
	}
	for i, ask := range []func() error{
		func() error { _, err := st.Len(t.Context()); return err },
		func() error {
			_, err := st.Create(t.Context(), storetest.NewRecord(rand.Text(), "client", c.Now()), store.Bounds{Total: 10, PerClient: 10})
			return err
		},
		func() error { _, _ = st.LoadFamily(t.Context(), "none"); return nil },
	} {
		for _, to := range []time.Duration{90 * time.Second, 0} {
			move(to)
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if got, known := st.ClockAhead(); !known || (got-to).Abs() > 10*time.Second {
				t.Errorf("the clock is %v ahead: measured %v, known %v", to, got, known)
			}
		}
		mu.Lock()
		text := log.String()
		mu.Unlock()
		off, back := strings.Count(text, `level=WARN msg="this machine's clock differs from Redis'"`), strings.Count(text, "agrees with Redis' again")
		if off != i+1 || back != i+1 {
			t.Errorf("ask %d: %d lines that it differs, %d that it agrees:\n%s", i, off, back, text)
		}
	}
}

// locked is a writer that a mutex guards.
type locked struct {
	mu *sync.Mutex
	*bytes.Buffer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

// replica is a gateway with a clock, a store and an address of its own.
type replica struct {
	*logintest.Env
	gateway *gateway.Gateway
	store   *redis.Store
}

// openReplicas starts replicas on one Redis, each so far ahead.
func openReplicas(t *testing.T, ahead ...time.Duration) []*replica {
	t.Helper()
	clocks := make([]func() time.Time, len(ahead))
	for i, d := range ahead {
		clocks[i] = func() time.Time { return time.Now().Add(d) }
	}
	return openReplicasOn(t, config(redistest.Start(t).Address), clocks...)
}

// openReplicasOn starts replicas on a store, one for each clock.
func openReplicasOn(t *testing.T, c redis.Config, clocks ...func() time.Time) []*replica {
	t.Helper()
	webs := make([]*httptest.Server, len(clocks))
	for i := range webs {
		webs[i] = httptest.NewUnstartedServer(nil)
	}
	public := "http://" + webs[0].Listener.Addr().String()
	sim, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{public + logintest.Path + "/callback", public + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	keys := keystest.New(t, token.DefaultAlgorithm)
	all := make([]*replica, len(clocks))
	for i, now := range clocks {
		c.Now = now
		st := open(t, c)
		g, err := gateway.New(gateway.Config{
			PublicURL: public,
			Signicat: signicat.Config{
				ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret, APIURL: sim.URL,
			},
			Attributes: []string{"name"},
			Token:      gateway.TokenConfig{Refresh: 30 * 24 * time.Hour},
			Store:      st, Keys: keys, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = g.Close() })
		site, err := g.NewSite(gateway.SiteConfig{})
		if err != nil {
			t.Fatal(err)
		}
		upstream := new(logintest.Upstream)
		webs[i].Config.Handler = site.Handler(upstream)
		webs[i].Start()
		t.Cleanup(webs[i].Close)
		all[i] = &replica{&logintest.Env{URL: "http://" + webs[i].Listener.Addr().String(), Signicat: sim, Upstream: upstream}, g, st}
	}
	return all
}

// hoard is what a client got by one refresh token, in a loop.
type hoard struct {
	mu              sync.Mutex
	access, refresh []string
}

func (h *hoard) add(got logintest.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.access, h.refresh = append(h.access, got.Text("access_token")), append(h.refresh, got.Text("refresh_token"))
}

// collect refreshes at a replica until the login ends.
func (h *hoard) collect(t *testing.T, app *logintest.App, refresh string) {
	for {
		got := app.Refresh(t, refresh)
		if got.Status != http.StatusOK {
			return
		}
		h.add(got)
		refresh = got.Text("refresh_token")
	}
}

// known waits until a replica knows of a subject's revocation, which takes it a second at most.
func (r *replica) known(t *testing.T, subject string) {
	t.Helper()
	for begin := time.Now(); ; {
		revoked, err := r.store.Revoked(t.Context(), store.Credential{Subject: subject})
		switch {
		case revoked:
			return
		case time.Since(begin) > time.Minute:
			t.Fatalf("the replica does not learn of the revocation: %v", err)
		}
		_, _ = r.store.Len(t.Context()) // a call to the server, instead of a sleep
	}
}

// TestRevokedSubjectIsRefusedByReplicasOnRedis revokes a user while clients of that user refresh in a
// loop at every replica. The replicas' clocks differ by up to what is documented, and each answers from
// a copy that may be a second old. Afterwards nothing that any client got works anywhere. The user logs
// in again, and every replica accepts that login.
func TestRevokedSubjectIsRefusedByReplicasOnRedis(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string][]time.Duration{
		"equal clocks":           {0, 0, 0},
		"a second apart":         {0, time.Second, -time.Second},
		"twenty seconds apart":   {0, 20 * time.Second, 10 * time.Second},
		"the first is behind":    {0, time.Minute, 30 * time.Second},
		"the first is ahead":     {0, -time.Minute, -30 * time.Second},
		"the first is in middle": {0, 30 * time.Second, -30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playRevocation(t, openReplicas(t, ahead...))
		})
	}
}

func playRevocation(t *testing.T, replicas []*replica) {
	var all hoard
	var clients sync.WaitGroup
	var subject string
	for i, r := range replicas {
		app := r.NewApp()
		app.Start(t)
		code, state := app.Approve(t, "adult")
		first := app.Redeem(t, code, state)
		if first.Status != http.StatusOK {
			t.Fatalf("logging in: %d %s", first.Status, first.Body)
		}
		subject = subjectOf(t, app, first.Text("access_token"))
		all.add(first)
		clients.Go(func() { all.collect(t, replicas[(i+1)%len(replicas)].NewApp(), first.Text("refresh_token")) })
	}
	if logins, err := replicas[0].gateway.RevokeSubject(t.Context(), subject); logins != len(replicas) || err != nil {
		t.Errorf("%d logins ended, %v", logins, err)
	}
	clients.Wait()
	for i, r := range replicas {
		r.known(t, subject)
		app := r.NewApp()
		for _, token := range all.access {
			if got := app.Call(t, "/api", token); got.Status != http.StatusUnauthorized {
				t.Errorf("replica %d: an access token gets %d", i, got.Status)
			}
		}
		for _, token := range all.refresh {
			if got := app.Refresh(t, token); got.Text("error") != "invalid_grant" {
				t.Errorf("replica %d: a refresh token gets %d %s", i, got.Status, got.Body)
			}
		}
	}
	for i, r := range replicas {
		awaitMark(t, r.store)
		access := r.NewApp().Login(t, "adult")
		for j, other := range replicas {
			if got := other.NewApp().Call(t, "/api", access); got.Status != http.StatusOK {
				t.Errorf("logged in again at %d, used at %d: %d %s", i, j, got.Status, got.Body)
			}
		}
	}
}

// awaitMark waits until a store has read the list of revocations to its end.
func awaitMark(t *testing.T, s *redis.Store) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; {
		if mark, err := s.Mark(t.Context()); err == nil && mark != "" {
			return
		}
		_, _ = s.Len(t.Context()) // a call to the server, instead of a sleep
	}
	t.Fatal("the list is not read")
}

func subjectOf(t *testing.T, app *logintest.App, access string) string {
	t.Helper()
	got := app.Call(t, logintest.Path+"/userinfo", access)
	if got.Text("sub") == "" {
		t.Fatalf("userinfo: %d %s", got.Status, got.Body)
	}
	return got.Text("sub")
}
