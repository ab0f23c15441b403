package flow_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// TestFlow plays every login scenario against a gateway in a plain net/http server.
func TestFlow(t *testing.T) {
	t.Parallel()
	logintest.Run(t, newServerEnv)
}

// clock is the wall clock plus an offset that the test sets.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// newServerEnv starts a gateway in a plain net/http server, as a scenario needs it.
func newServerEnv(t *testing.T, o logintest.Options) *logintest.Env {
	t.Helper()
	clock := new(clock)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	public := "http://" + listener.Addr().String()
	sim := o.Simulator
	sim.RedirectURLs = []string{public + logintest.Path + "/callback", public + logintest.Path + "/app/callback"}
	sim.AllowLoopbackHTTP, sim.TLS = true, true
	sim.Now = clock.now
	server, err := signicattest.Start(sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	memory := store.NewMemory(clock.now)
	t.Cleanup(func() { _ = memory.Close() })
	var peers []string
	if o.Verify {
		peers = []string{"127.0.0.1"}
	}
	g, err := gateway.New(gateway.Config{
		PublicURL: public,
		Signicat: signicat.Config{
			ClientID:     signicattest.DefaultClientID,
			ClientSecret: signicattest.DefaultClientSecret,
			APIURL:       server.URL,
			RootCAs:      server.RootCAs(),
			Timeout:      2 * time.Second,
		},
		AppLinks: gateway.AppLinkConfig{
			IOS:     []string{logintest.IOSApp},
			Android: []gateway.AndroidApp{{Package: logintest.AndroidApp, Fingerprints: []string{logintest.AndroidFingerprint}}},
		},
		Attributes: o.Attributes,
		LoA:        signicat.LoA(o.LoA),
		Token:      gateway.TokenConfig{Claims: o.Claims, Refresh: o.Refresh, Encrypted: o.Encrypted},
		Store:      memory,
		Keys:       keystest.New(t, token.DefaultAlgorithm),
		Verify:     peers,
		Now:        clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{Public: []string{"/public/*"}, Require: requirements(o.Require)})
	if err != nil {
		t.Fatal(err)
	}
	upstream := new(logintest.Upstream)
	web := &httptest.Server{Listener: listener, Config: &http.Server{Handler: site.Handler(upstream)}}
	web.Start()
	t.Cleanup(web.Close)
	return &logintest.Env{URL: public, Signicat: server, Upstream: upstream, Advance: clock.advance, Check: apitest.Check}
}

func requirements(r logintest.Require) gateway.Requirements {
	required := gateway.Requirements{LoA: signicat.LoA(r.LoA), MaxAge: r.MaxAge, MinAge: r.MinAge}
	if r.Claim != "" {
		required.Claims = []gateway.ClaimRequirement{{Claim: r.Claim, Values: r.Values}}
	}
	return required
}
