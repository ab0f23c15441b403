package caddy_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/test/internal/apitest"
)

// site is a site of Caddy with a gateway of its own: its address, a listener for the simulator, and an
// upstream.
type site struct {
	addr     string
	reserved net.Listener // holds addr until Caddy starts
	wire     *wireCapture // the simulator's listener
	upstream *logintest.Upstream
	server   *httptest.Server // of the upstream
}

func newSite(t *testing.T) *site {
	t.Helper()
	reserved, wire := caddytest.Listen(t), &wireCapture{Listener: caddytest.Listen(t)}
	s := &site{addr: reserved.Addr().String(), reserved: reserved, wire: wire, upstream: new(logintest.Upstream)}
	s.server = httptest.NewServer(s.upstream)
	t.Cleanup(s.server.Close)
	return s
}

// release frees the address for Caddy. Call it just before Caddy starts: another process may take the port.
func (s *site) release(t *testing.T) {
	t.Helper()
	if err := s.reserved.Close(); err != nil {
		t.Fatal(err)
	}
}

// gatewayBlock returns the global option of the gateway with a number.
func (s *site) gatewayBlock(i int, o logintest.Options) string {
	var more string
	if o.LoA != "" {
		more += "\tloa " + o.LoA + "\n"
	}
	var token string
	if o.Encrypted {
		token += "\t\tencrypted\n"
	}
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
`, i, s.addr, logintest.Path, signicattest.DefaultClientID, signicattest.DefaultClientSecret, s.wire.Addr(), strings.Join(o.Attributes, " "), more)
}

// siteBlock returns the site that uses the gateway with a number.
func (s *site) siteBlock(i int, r logintest.Require) string {
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

// expand fills in a Caddyfile: SITE is the URL of the site, SIGNICAT that of the simulator, UPSTREAM the
// address of the upstream, CLIENT_ID and CLIENT_SECRET the simulator's client.
func (s *site) expand(caddyfile string) string {
	return strings.NewReplacer("SITE", "http://"+s.addr, "SIGNICAT", "http://"+s.wire.Addr().String(),
		"UPSTREAM", s.server.Listener.Addr().String(),
		"CLIENT_ID", signicattest.DefaultClientID, "CLIENT_SECRET", signicattest.DefaultClientSecret).Replace(caddyfile)
}

// start runs the simulator until the test ends. Caddy must be running.
func (s *site) start(t *testing.T, c signicattest.Config) *logintest.Env {
	t.Helper()
	url := "http://" + s.addr
	c.RedirectURLs = []string{url + logintest.Path + "/callback", url + logintest.Path + "/app/callback"}
	c.AllowLoopbackHTTP = true
	simulator, err := signicattest.StartOn(s.wire, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	return &logintest.Env{URL: url, Signicat: simulator, Upstream: s.upstream, Check: apitest.Check}
}
