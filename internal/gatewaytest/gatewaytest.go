// Package gatewaytest runs a gateway inside a test: over plain net/http, or in a bubble of testing/synctest.
package gatewaytest

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Start runs a gateway on a free port of loopback, with the simulator and a memory store behind it,
// until the test ends. It fills in what the configuration leaves open.
func Start(t *testing.T, config gateway.Config) *logintest.Env {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	config.PublicURL = "http://" + server.Listener.Addr().String()
	config = config.WithDefaults()
	simulator, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      append([]string{config.RedirectURL}, config.AppRedirectURLs...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	config.Signicat = signicat.Config{
		ClientID:     signicattest.DefaultClientID,
		ClientSecret: signicattest.DefaultClientSecret,
		APIURL:       simulator.URL,
	}
	memory := store.NewMemory(time.Now)
	t.Cleanup(func() { _ = memory.Close() })
	config.Store = memory
	if config.Keys == nil {
		config.Keys = keystest.New(t, token.DefaultAlgorithm)
	}
	_, site := newSite(t, config)
	upstream := new(logintest.Upstream)
	server.Config.Handler = site.Handler(upstream)
	server.Start()
	return &logintest.Env{URL: config.PublicURL, Signicat: simulator, Upstream: upstream}
}

func newSite(t *testing.T, config gateway.Config) (*gateway.Gateway, *gateway.Site) {
	t.Helper()
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	site, err := g.NewSite(gateway.SiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return g, site
}
