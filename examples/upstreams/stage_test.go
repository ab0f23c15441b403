package upstreams_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/caddy-itsme/caddy-itsme" // what the Caddyfile names
	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// stage is a running gateway without anything behind it yet.
type stage struct {
	caddy *caddytest.Server
	front *logintest.Env
	addr  string
}

func newStage(t *testing.T, key signingKey) stage {
	t.Helper()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := stage{addr: reserved.Addr().String()}
	url := "http://" + s.addr
	simulator, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{url + logintest.Path + "/callback", url + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	s.front = &logintest.Env{URL: url, Signicat: simulator}
	if err := reserved.Close(); err != nil { // only now: a port that was free is soon somebody else's
		t.Fatal(err)
	}
	s.caddy = caddytest.Run(t, s.caddyfile(key, nil))
	return s
}

// reload puts services behind the gateway, each at a path of its own, and changes its key.
func (s stage) reload(t *testing.T, key signingKey, services []service) {
	t.Helper()
	if err := s.caddy.Reload(s.caddyfile(key, services)); err != nil {
		t.Fatal(err)
	}
}

func (s stage) caddyfile(key signingKey, services []service) string {
	var routes strings.Builder
	for _, service := range services {
		fmt.Fprintf(&routes, "\thandle_path /%s/* {\n\t\treverse_proxy %s\n\t}\n", service.name, strings.TrimPrefix(service.url, "http://"))
	}
	return fmt.Sprintf(`{
	default_bind 127.0.0.1
	itsme {
		public_url %s
		signicat {
			client_id     %s
			client_secret %s
			api_url       %s
		}
		attributes name
		token {
			key %s
		}
	}
}
http://%s {
	itsme
%s}
http://{{addr}} {
	respond 204
}
`, s.front.URL, signicattest.DefaultClientID, signicattest.DefaultClientSecret, s.front.Signicat.URL, key.file, s.addr, routes.String())
}

// settings are what an example is told.
func (s stage) settings(jwksURL string) []string {
	return []string{"JWKS_URL=" + jwksURL, "ISSUER=" + s.front.URL, "AUDIENCE=" + s.front.URL}
}

// counter stands before the gateway's JWKS and counts.
type counter struct {
	*httptest.Server
	count atomic.Int64
}

func (s stage) countFetches(t *testing.T) *counter {
	t.Helper()
	target, err := url.Parse(s.front.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := new(counter)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.Path = jwksPath
			c.count.Add(1)
		},
		Transport: &http.Transport{DisableKeepAlives: true}, // no connection outlives a reload
	}
	c.Server = httptest.NewServer(proxy)
	t.Cleanup(c.Close)
	return c
}
