package gateway_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// TestDiscoveryIsFoundHoweverTheHostIsSpelt: issuer and audience are compared byte for byte and so kept as they are
// written, but whoever asks their host for the documents writes it as browsers do.
func TestDiscoveryIsFoundHoweverTheHostIsSpelt(t *testing.T) {
	t.Parallel()
	config := usable(t)
	config.Token = gateway.TokenConfig{Issuer: "https://Login.example.be:443", Audience: []string{"https://API.example.be/v1"}}
	site := siteOf(t, config)
	for _, url := range []string{
		"https://login.example.be/.well-known/oauth-authorization-server",
		"https://login.example.be/.well-known/openid-configuration",
		"https://api.example.be/.well-known/oauth-protected-resource/v1",
	} {
		if got := fetch(site, url); got.Code != http.StatusOK {
			t.Errorf("%s: %d", url, got.Code)
		}
	}
	g, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if diff := cmp.Diff([]string{"app.example.be", "login.example.be"}, g.Hosts()); diff != "" {
		t.Errorf("its hosts (-want +got):\n%s", diff)
	}
}
