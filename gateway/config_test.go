package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// usable is a configuration with what is required and nothing else.
func usable(t *testing.T) gateway.Config {
	t.Helper()
	store := pending.NewMemory(time.Now)
	t.Cleanup(func() { _ = store.Close() })
	return gateway.Config{
		PublicURL:  "https://app.example.be",
		Signicat:   signicat.Config{ClientID: "id", ClientSecret: "very-secret"},
		Attributes: []string{"name"},
		Store:      store,
		Keys:       new(token.Ring),
	}
}

func TestConfigErrorNamesTheSubdirective(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*gateway.Config)
		want   string // begins the message
	}{
		{"no public URL", func(c *gateway.Config) { c.PublicURL = "" }, "public_url: missing"},
		{"public URL without a scheme", func(c *gateway.Config) { c.PublicURL = "app.example.be" }, "public_url: "},
		{"public URL over http", func(c *gateway.Config) { c.PublicURL = "http://app.example.be" }, "public_url: "},
		{"public URL with a path", func(c *gateway.Config) { c.PublicURL = "https://app.example.be/x" }, "public_url: "},
		{"public URL with a slash", func(c *gateway.Config) { c.PublicURL = "https://app.example.be/" }, "public_url: "},
		{"public URL with the scheme's port", func(c *gateway.Config) { c.PublicURL = "https://app.example.be:443" }, "public_url: "},
		{"public URL in capitals", func(c *gateway.Config) { c.PublicURL = "https://App.example.be" }, "public_url: "},
		{"path without a slash", func(c *gateway.Config) { c.Path = "itsme" }, "path: "},
		{"path that ends with a slash", func(c *gateway.Config) { c.Path = "/itsme/" }, "path: "},
		{"no client ID", func(c *gateway.Config) { c.Signicat.ClientID = "" }, "signicat"},
		{"no client secret", func(c *gateway.Config) { c.Signicat.ClientSecret = "" }, "signicat"},
		{"API over http", func(c *gateway.Config) { c.Signicat.APIURL = "http://api.example.be" }, "signicat"},
		{"redirect URL over http", func(c *gateway.Config) { c.RedirectURL = "http://app.example.be/cb" }, "redirect_url: "},
		{"redirect URL with a fragment", func(c *gateway.Config) { c.RedirectURL = "https://app.example.be/cb#x" }, "redirect_url: "},
		{"redirect URL of a custom scheme", func(c *gateway.Config) { c.RedirectURL = "myapp://cb" }, "redirect_url: "},
		{"redirect URL elsewhere", func(c *gateway.Config) { c.RedirectURL = "https://www.example.be/cb" }, "redirect_url: "},
		{"redirect URL with a query", func(c *gateway.Config) { c.RedirectURL = "https://app.example.be/cb?x=1" }, "redirect_url: "},
		{"redirect URL that is another endpoint", func(c *gateway.Config) { c.RedirectURL = "https://app.example.be/itsme/token" }, "redirect_url: "},
		{"app redirect URL that is the browser's", func(c *gateway.Config) { c.AppRedirectURLs = []string{"https://app.example.be/itsme/callback"} }, "app_redirect_url: "},
		{"app redirect URL that is the browser's with a port", func(c *gateway.Config) { c.AppRedirectURLs = []string{"https://APP.example.be:443/itsme/callback"} }, "app_redirect_url: "},
		{"app redirect URL among documents", func(c *gateway.Config) { c.AppRedirectURLs = []string{"https://app.example.be/.well-known/jwks.json"} }, "app_redirect_url: "},
		{"app redirect URL of a custom scheme", func(c *gateway.Config) { c.AppRedirectURLs = []string{"myapp://cb"} }, "app_redirect_url: "},
		{"app redirect URL twice", func(c *gateway.Config) { c.AppRedirectURLs = []string{"https://a.be/x", "https://a.be/x"} }, "app_redirect_url: "},
		{"no attributes", func(c *gateway.Config) { c.Attributes = nil }, "attributes: missing"},
		{"unknown attribute", func(c *gateway.Config) { c.Attributes = []string{"shoeSize"} }, "attributes: "},
		{"attribute twice", func(c *gateway.Config) { c.Attributes = []string{"name", "name"} }, "attributes: "},
		{"unknown level", func(c *gateway.Config) { c.LoA = "gold" }, "loa: "},
		{"unknown language", func(c *gateway.Config) { c.Language = "it" }, "language: "},
		{"session too short", func(c *gateway.Config) { c.SessionLifetime = time.Minute }, "session_lifetime: "},
		{"session of half a second", func(c *gateway.Config) { c.SessionLifetime = 10*time.Minute + time.Second/2 }, "session_lifetime: "},
		{"issuer with a slash", func(c *gateway.Config) { c.Token.Issuer = "https://id.example.be/" }, "token issuer: "},
		{"issuer over http", func(c *gateway.Config) { c.Token.Issuer = "http://id.example.be" }, "token issuer: "},
		{"empty audience", func(c *gateway.Config) { c.Token.Audience = []string{""} }, "token audience: "},
		{"the gateway itself as audience", func(c *gateway.Config) { c.Token.Audience = []string{"https://app.example.be/itsme"} }, "token audience: "},
		{"claim of no attribute", func(c *gateway.Config) { c.Token.Claims = []string{"nin"} }, "token claims: "},
		{"token too long", func(c *gateway.Config) { c.Token.Lifetime = 48 * time.Hour }, "token lifetime: "},
		{"cookie name with a blank", func(c *gateway.Config) { c.Cookie.Name = "its me" }, "cookie: "},
		{"cookie too short", func(c *gateway.Config) { c.Cookie.Lifetime = time.Second }, "cookie: "},
		{"negative limit", func(c *gateway.Config) { c.Limit.Pending = -1 }, "limit pending: "},
		{"no store", func(c *gateway.Config) { c.Store = nil }, "store: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			config := usable(t)
			row.change(&config)
			_, err := gateway.New(config)
			if !errors.Is(err, gateway.ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
			text := err.Error()
			if !strings.HasPrefix(text, row.want) || strings.Contains(text, "\n") || strings.Contains(text, "very-secret") {
				t.Errorf("got %q, want it to begin with %q", text, row.want)
			}
		})
	}
}

func TestUsableConfig(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(usable(t))
	if err != nil {
		t.Fatal(err)
	}
	if g.Issuer() != "https://app.example.be" {
		t.Errorf("the issuer is %q", g.Issuer())
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func TestSiteConfigErrorNamesTheSubdirective(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(usable(t))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, row := range []struct {
		name   string
		config gateway.SiteConfig
		want   string
	}{
		{"unknown mode", gateway.SiteConfig{Mode: "page"}, "mode: "},
		{"public path without a slash", gateway.SiteConfig{Public: []string{"health"}}, "public: "},
		{"public path that moves", gateway.SiteConfig{Public: []string{"/a/../b"}}, "public: "},
		{"public path with a star inside", gateway.SiteConfig{Public: []string{"/a*b"}}, "public: "},
		{"public path with an encoding", gateway.SiteConfig{Public: []string{"/a%2Fb"}}, "public: "},
		{"header with a blank", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "X User", Claim: "sub"}}}, "header: "},
		{"header of the gateway's own", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "x-itsme-name", Claim: "sub"}}}, "header: "},
		{"header of HTTP's own", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "Host", Claim: "sub"}}}, "header: "},
		{"header twice", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "X-A", Claim: "sub"}, {Name: "x-a", Claim: "acr"}}}, "header: "},
		{"header of no claim", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "X-A", Claim: "email"}}}, "header: "},
		{"token in the cookie", gateway.SiteConfig{ForwardToken: "Cookie"}, "forward_token: "},
		{"token in an extra header", gateway.SiteConfig{ForwardToken: "X-A", Headers: []gateway.ExtraHeader{{Name: "X-A", Claim: "sub"}}}, "forward_token: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := g.NewSite(row.config)
			if !errors.Is(err, gateway.ErrConfig) || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("got %v, want it to begin with %q", err, row.want)
			}
		})
	}
}
