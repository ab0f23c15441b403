package caddy_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	_ "github.com/caddy-itsme/caddy-itsme/caddymodule" // what the Caddyfiles name
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
)

// TestFlow plays every login scenario through one running Caddy, which has a gateway and a site
// for each. Its clock is the real one: the scenario of a finish that comes too late takes a minute.
func TestFlow(t *testing.T) {
	t.Parallel()
	scenarios := logintest.Scenarios()
	stages := make([]stage, len(scenarios))
	var options, sites strings.Builder
	for i, s := range scenarios {
		stages[i] = newStage(t)
		options.WriteString(stages[i].option(i, s.Options))
		sites.WriteString(stages[i].site(i, s.Options.Require))
	}
	// Only now: a port that was free is soon somebody else's.
	for _, s := range stages {
		if err := s.reserved.Close(); err != nil {
			t.Fatal(err)
		}
	}
	caddytest.Run(t, "{\n\tdefault_bind 127.0.0.1\n"+options.String()+"}\n"+sites.String()+"http://{{addr}} {\n\trespond 204\n}\n")
	for i, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.Play(t, stages[i].open(t, s.Options.Simulator))
		})
	}
}

// stage is where one scenario plays: an address for the site, a listener for Signicat, which has
// to know the address, and an upstream.
type stage struct {
	addr     string
	reserved net.Listener // holds addr until Caddy starts
	signicat net.Listener
	upstream *logintest.Upstream
	server   *httptest.Server
}

func newStage(t *testing.T) stage {
	t.Helper()
	site, signicat := caddytest.Listen(t), caddytest.Listen(t)
	s := stage{addr: site.Addr().String(), reserved: site, signicat: signicat, upstream: new(logintest.Upstream)}
	s.server = httptest.NewServer(s.upstream)
	t.Cleanup(s.server.Close)
	return s
}

func (s stage) option(i int, o logintest.Options) string {
	var more string
	if o.LoA != "" {
		more += "\tloa " + o.LoA + "\n"
	}
	var token string
	if len(o.Claims) > 0 {
		token += "\t\tclaims " + strings.Join(o.Claims, " ") + "\n"
	}
	if o.Refresh > 0 {
		token += "\t\trefresh " + o.Refresh.String() + "\n"
	}
	if token != "" {
		more += "\ttoken {\n" + token + "\t}\n"
	}
	if o.Verify {
		more += "\tverify 127.0.0.1\n"
	}
	return fmt.Sprintf(`itsme g%d {
	public_url http://%s
	path %s
	signicat {
		client_id %s
		client_secret %s
		api_url http://%s
		timeout 2s
	}
	app_link ios `+logintest.IOSApp+`
	app_link android `+logintest.AndroidApp+` `+logintest.AndroidFingerprint+`
	attributes %s
	store memory
%s}
`, i, s.addr, logintest.Path, signicattest.DefaultClientID, signicattest.DefaultClientSecret, s.signicat.Addr(), strings.Join(o.Attributes, " "), more)
}

func (s stage) site(i int, r logintest.Require) string {
	return fmt.Sprintf(`http://%s {
	itsme {
		use g%d
		public /public/*
%s	}
	reverse_proxy %s
}
`, s.addr, i, requireLines(r), s.server.Listener.Addr())
}

func requireLines(r logintest.Require) (lines string) {
	if r.LoA != "" {
		lines += "\t\trequire loa " + r.LoA + "\n"
	}
	if r.MaxAge > 0 {
		lines += "\t\trequire max_age " + r.MaxAge.String() + "\n"
	}
	if r.MinAge > 0 {
		lines += fmt.Sprintf("\t\trequire min_age %d\n", r.MinAge)
	}
	if r.Claim != "" {
		lines += "\t\trequire claim " + r.Claim + " " + strings.Join(r.Values, " ") + "\n"
	}
	return lines
}

func (s stage) open(t *testing.T, c signicattest.Config) *logintest.Env {
	t.Helper()
	url := "http://" + s.addr
	c.RedirectURLs = []string{url + logintest.Path + "/callback", url + logintest.Path + "/app/callback"}
	c.AllowLoopbackHTTP = true
	simulator, err := signicattest.StartOn(s.signicat, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	return &logintest.Env{URL: url, Signicat: simulator, Upstream: s.upstream, Check: apitest.Check}
}
