package caddy_test

import (
	"strings"
	"testing"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule" // the module of the Caddyfiles
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
)

// TestFlow plays the login scenarios through one running Caddy, which has a gateway and a site for each. Caddy
// runs on the real clock, so that the timed scenarios play in package flow alone.
func TestFlow(t *testing.T) {
	t.Parallel()
	scenarios := logintest.Scenarios()
	sites := make([]*site, len(scenarios))
	var gateways, blocks strings.Builder
	for i, s := range scenarios {
		sites[i] = newSite(t)
		gateways.WriteString(sites[i].gatewayBlock(i, s.Options))
		blocks.WriteString(sites[i].siteBlock(i, s.Options.Require))
	}
	for _, s := range sites {
		s.release(t)
	}
	caddytest.Run(t, "{\n\tdefault_bind 127.0.0.1\n"+gateways.String()+"}\n"+blocks.String()+"http://{{addr}} {\n\trespond 204\n}\n")
	for i, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.Play(t, sites[i].start(t, s.Options.Simulator))
		})
	}
}
