package loopback_test

import (
	"net"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// hosts maps hosts of URLs to whether they are this machine.
var hosts = map[string]bool{
	"localhost": true, "app.localhost": true, "a.b.localhost": true, "127.0.0.1": true, "127.8.9.1": true, "[::1]": true,
	"localhost.example.be": false, "notlocalhost": false, "app-localhost": false, "127.0.0.1.example.be": false,
	"10.0.0.1": false, "0.0.0.0": false, "[::]": false, "example.be": false,
}

// TestEveryPartAgrees gives the same hosts, on plain http, to every part that accepts http on loopback hosts only.
func TestEveryPartAgrees(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory(time.Now)
	t.Cleanup(func() { _ = memory.Close() })
	for host, want := range hosts {
		origin := "http://" + host + ":8080"
		config := gateway.Config{
			PublicURL:  origin,
			Attributes: []string{"name"},
			Signicat:   signicat.Config{ClientID: "id", ClientSecret: "secret"},
			Store:      memory,
			Keys:       keystest.New(t, token.DefaultAlgorithm),
		}
		g, publicURL := gateway.New(config)
		if publicURL == nil {
			_ = g.Close()
		}
		_, apiURL := signicat.New(signicat.Config{ClientID: "id", ClientSecret: "secret", APIURL: origin})
		_, redirectURL := signicattest.New(signicattest.Config{AllowLoopbackHTTP: true, RedirectURLs: []string{origin + "/cb"}})
		for part, err := range map[string]error{"public_url": publicURL, "api_url": apiURL, "the simulator's redirect URL": redirectURL} {
			if (err == nil) != want {
				t.Errorf("%s on %s: %v, want it taken: %t", part, origin, err, want)
			}
		}
		if bare, _, err := net.SplitHostPort(host + ":1"); err != nil || loopback.Host(bare) != want {
			t.Errorf("Host(%q) is not %t: %v", bare, want, err)
		}
	}
}

// TestNamesBelowLocalhostAreReached dials a name that no resolver knows.
func TestNamesBelowLocalhostAreReached(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := loopback.Dialer(new(net.Dialer))(t.Context(), "tcp", "App.Localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
