package caddy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// env is a running Caddy with gateways g0, g1 and so on. Each has a site, a simulator and an upstream of
// its own. The embedded front is that of g0.
type env struct {
	*logintest.Env
	fronts  []*logintest.Env
	server  *caddytest.Server
	sites   []*site
	options options
	loads   int
}

// options are what differs between the environments.
type options struct {
	gateways   int      // zero: one
	global     string   // more lines of the global options
	attributes []string // nil: name
	caddyfile  string   // for one gateway: stands for the whole Caddyfile; see [site.expand]
	fallback   string   // more lines of the site at Caddy's own address
}

// newEnv runs Caddy until the test ends.
func newEnv(t *testing.T, o options) *env {
	t.Helper()
	if o.attributes == nil {
		o.attributes = []string{"name"}
	}
	e := &env{options: o}
	for range max(o.gateways, 1) {
		e.sites = append(e.sites, newSite(t))
	}
	for _, s := range e.sites {
		s.release(t)
	}
	e.server = caddytest.Run(t, e.config(len(e.sites)))
	for _, s := range e.sites {
		e.fronts = append(e.fronts, s.start(t, signicattest.Config{}))
	}
	e.Env = e.fronts[0]
	return e
}

// config returns a configuration with the first gateways. It differs from load to load.
func (e *env) config(gateways int) string {
	if e.options.caddyfile != "" {
		return e.sites[0].expand(e.options.caddyfile)
	}
	var blocks, sites strings.Builder
	for i, s := range e.sites[:gateways] {
		blocks.WriteString(s.gatewayBlock(i, logintest.Options{Attributes: e.options.attributes}))
		sites.WriteString(s.siteBlock(i, logintest.Require{}))
	}
	return "{\n\tdefault_bind 127.0.0.1\n" + e.options.global + blocks.String() + "}\n" + sites.String() +
		"http://{{addr}} {\n" + e.options.fallback + "\trespond / " + fmt.Sprint("load-", e.loads) + "\n}\n"
}

// reload loads a configuration with all gateways.
func (e *env) reload(t *testing.T) {
	t.Helper()
	e.reloadWith(t, len(e.sites))
}

// reloadWith loads a configuration with the first gateways, and waits until it answers: Caddy may close a
// connection that arrives during the reload.
func (e *env) reloadWith(t *testing.T, gateways int) {
	t.Helper()
	e.loads++
	if err := e.server.Reload(e.config(gateways)); err != nil {
		t.Fatalf("reloading: %v", err)
	}
	untilServed(t, e.server, e.URL+logintest.Path+"/health/live")
	if strings.Contains(e.options.global, caddytest.AdminAddress) {
		untilServed(t, e.server, e.server.AdminURL+"/metrics") // Caddy replaces this server, too
	}
}
