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

// env is a running gateway. It begins without services behind it.
type env struct {
	caddy *caddytest.Server
	front *logintest.Env
	addr  string
}

func newEnv(t *testing.T, key signingKey) env {
	t.Helper()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := env{addr: reserved.Addr().String()}
	url := "http://" + e.addr
	simulator, err := signicattest.Start(signicattest.Config{
		AllowLoopbackHTTP: true,
		RedirectURLs:      []string{url + logintest.Path + "/callback", url + logintest.Path + "/app/callback"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	e.front = &logintest.Env{URL: url, Signicat: simulator}
	if err := reserved.Close(); err != nil { // as late as possible: another process may take the port
		t.Fatal(err)
	}
	e.caddy = caddytest.Run(t, e.caddyfile(key, nil))
	return e
}

// reload puts services behind the gateway, each at its own path, and changes the signing key.
func (e env) reload(t *testing.T, key signingKey, services []service) {
	t.Helper()
	if err := e.caddy.Reload(e.caddyfile(key, services)); err != nil {
		t.Fatal(err)
	}
}

func (e env) caddyfile(key signingKey, services []service) string {
	var routes strings.Builder
	for _, service := range services {
		fmt.Fprintf(&routes, "\thandle_path /%s/* {\n\t\titsme {\n\t\t\taudience %s\n\t\t}\n\t\treverse_proxy %s\n\t}\n",
			service.name, audienceOf(service.name), strings.TrimPrefix(service.url, "http://"))
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
%s	handle {
		itsme
	}
}
http://{{addr}} {
	respond 204
}
`, e.front.URL, signicattest.DefaultClientID, signicattest.DefaultClientSecret, e.front.Signicat.URL, key.file, e.addr, routes.String())
}

// settings returns the environment of an example. Only Spring looks at the client_id.
func (e env) settings(name, jwksURL string) []string {
	return []string{"JWKS_URL=" + jwksURL, "ISSUER=" + e.front.URL, "AUDIENCE=" + audienceOf(name), "CLIENT_ID=" + e.addr}
}

// audienceOf returns the audience of an example: each service has one of its own.
func audienceOf(name string) string {
	return "https://" + strings.ToLower(strings.ReplaceAll(name, ".", "")) + ".example.be"
}

// counter is a proxy that counts fetches of the gateway's JWKS.
type counter struct {
	*httptest.Server
	count atomic.Int64
}

func (e env) countFetches(t *testing.T) *counter {
	t.Helper()
	target, err := url.Parse(e.front.URL)
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
