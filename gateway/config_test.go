package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// usable returns a configuration with only the required fields.
func usable(t *testing.T) gateway.Config {
	t.Helper()
	memory := store.NewMemory(time.Now)
	t.Cleanup(func() { _ = memory.Close() })
	return gateway.Config{
		PublicURL:  "https://app.example.be",
		Signicat:   signicat.Config{ClientID: "id", ClientSecret: "very-secret"},
		Attributes: []string{"name"},
		Store:      memory,
		Keys:       new(token.Keys),
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
		{"public URL with a wildcard", func(c *gateway.Config) { c.PublicURL = "https://*.example.be" }, "public_url: "},
		{"public URL beyond ASCII", func(c *gateway.Config) { c.PublicURL = "https://bücher.example" }, "public_url: "},
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
		{"an age without the birth date", func(c *gateway.Config) { c.Token.Claims = []string{"age_over_18"} }, `token claims: "age_over_18" is computed from the birth date`},
		{"an age of no year", agesOf("age_over_0"), `token claims: "age_over_0" is no age claim`},
		{"an age that no user reaches", agesOf("age_over_131"), "token claims: "},
		{"an age with a leading zero", agesOf("age_over_018"), "token claims: "},
		{"an age in words", agesOf("age_over_eighteen"), "token claims: "},
		{"an age twice", agesOf("age_over_18", "age_over_21", "age_over_18"), `token claims: "age_over_18" is listed twice`},
		{"token too long", func(c *gateway.Config) { c.Token.Lifetime = 48 * time.Hour }, "token lifetime: "},
		{"cookie name with a blank", func(c *gateway.Config) { c.Cookie.Name = "its me" }, "cookie: "},
		{"cookie too short", func(c *gateway.Config) { c.Cookie.Lifetime = time.Second }, "cookie: "},
		{"negative limit of all starts", func(c *gateway.Config) { c.Limit.AllSessions = -1 }, "limit sessions: "},
		{"window of no number", func(c *gateway.Config) { c.Limit.AllSessionsWindow = time.Minute }, "limit sessions: "},
		{"window too long", func(c *gateway.Config) { c.Limit.AllSessions, c.Limit.AllSessionsWindow = 1, 25*time.Hour }, "limit sessions: "},
		{"negative limit of long polls", func(c *gateway.Config) { c.Limit.LongPollsPerClient = -1 }, "limit long_polls_per_client: "},
		{"negative limit", func(c *gateway.Config) { c.Limit.Pending = -1 }, "limit pending: "},
		{"a proxy by its name", func(c *gateway.Config) { c.Verify = []string{"nginx.internal"} }, "verify: "},
		{"a proxy on a unix socket", func(c *gateway.Config) { c.Verify = []string{"unix//run/nginx.sock"} }, "verify: "},
		{"a proxy with a zone", func(c *gateway.Config) { c.Verify = []string{"fe80::1%eth0"} }, "verify: "},
		{"an IPv4 proxy written as IPv6", func(c *gateway.Config) { c.Verify = []string{"::ffff:10.0.0.0/104"} }, "verify: "},
		{"everybody as a proxy", func(c *gateway.Config) { c.Verify = []string{"10.0.0.0/8", "0.0.0.0/0"} }, "verify: "},
		{"everybody with IPv6 as a proxy", func(c *gateway.Config) { c.Verify = []string{"::/0"} }, "verify: "},
		{"an address or a range", func(c *gateway.Config) { c.Verify = []string{"10.1.2.3/8"} }, "verify: "},
		{"redirect URL below verify", func(c *gateway.Config) { c.RedirectURL = "https://app.example.be/itsme/verify/x" }, "redirect_url: "},
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

// TestConfigErrorKeepsItsCause: errors.Is finds the sentinel of the package that refused a part, and the text
// for the operator leaves it out.
func TestConfigErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	config := usable(t)
	config.Signicat.ClientID = ""
	_, refused := gateway.New(config)
	_, unusable := gateway.Config{PublicURL: "http://app.example.be"}.Authority()
	for name, row := range map[string]struct {
		err, cause error
		want       string // begins the message
	}{
		"signicat": {refused, signicat.ErrConfig, "signicat client_id"},
		"token":    {unusable, token.ErrConfig, "token: the issuer"},
	} {
		if !errors.Is(row.err, gateway.ErrConfig) || !errors.Is(row.err, row.cause) {
			t.Fatalf("%s: %v is no ErrConfig, or has lost its cause", name, row.err)
		}
		if !strings.HasPrefix(row.err.Error(), row.want) {
			t.Errorf("%s: got %q, want it to begin with %q", name, row.err, row.want)
		}
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

// TestLoopbackHosts: every host that may use plain http may be the issuer too.
func TestLoopbackHosts(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"http://localhost:8080", "http://app.localhost:8080", "http://127.0.0.2:8080", "http://[::1]:8080"} {
		config := usable(t)
		config.PublicURL = public
		g, err := gateway.New(config)
		if err != nil {
			t.Errorf("%s: %v", public, err)
			continue
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
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
		{"unknown level required", gateway.SiteConfig{Require: gateway.Requirements{LoA: "gold"}}, "require loa: "},
		{"a login too fresh", gateway.SiteConfig{Require: gateway.Requirements{MaxAge: time.Minute}}, "require max_age: "},
		{"a login too old", gateway.SiteConfig{Require: gateway.Requirements{MaxAge: 91 * 24 * time.Hour}}, "require max_age: "},
		{"an age without a birth date", gateway.SiteConfig{Require: gateway.Requirements{MinAge: 18}}, "require min_age: the gateway does not request the birth date"},
		{"an age claim of no token", gateway.SiteConfig{Require: required("age_over_18", "true")}, "require claim: no token has the claim \"age_over_18\""},
		{"a negative age", gateway.SiteConfig{Require: gateway.Requirements{MinAge: -1}}, "require min_age: "},
		{"an age that no user reaches", gateway.SiteConfig{Require: gateway.Requirements{MinAge: 131}}, "require min_age: "},
		{"a claim that no token has", gateway.SiteConfig{Require: required("nationality", "belge")}, "require claim: "},
		{"the level as a claim", gateway.SiteConfig{Require: required("acr", "high")}, "require claim: "},
		{"a claim without a value", gateway.SiteConfig{Require: required("name")}, "require claim name: "},
		{"a claim with an empty value", gateway.SiteConfig{Require: required("name", "")}, "require claim name: "},
		{"a claim twice", gateway.SiteConfig{Require: gateway.Requirements{Claims: []gateway.ClaimRequirement{{Claim: "name", Values: []string{"a"}}, {Claim: "name", Values: []string{"b"}}}}}, "require claim name: "},
		{"token in the cookie", gateway.SiteConfig{ForwardToken: "Cookie"}, "forward_token: "},
		{"token on", gateway.SiteConfig{ForwardToken: "on"}, "forward_token: it is on unless it is off"},
		{"token as a proof", gateway.SiteConfig{ForwardToken: "dpop"}, "forward_token: "},
		{"claim as a proof", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "DPoP", Claim: "sub"}}}, "header: "},
		{"claim as a nonce", gateway.SiteConfig{Headers: []gateway.ExtraHeader{{Name: "DPoP-Nonce", Claim: "sub"}}}, "header: "},
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

// agesOf names claims of a gateway that requests the birth date.
func agesOf(claims ...string) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Attributes, c.Token.Claims = []string{"dateOfBirth"}, claims }
}

// TestMinAgeNeedsWhatTokensShow: a browser's cookie always has the birth date, and the token of an app has what the
// configuration names.
func TestMinAgeNeedsWhatTokensShow(t *testing.T) {
	t.Parallel()
	adults := gateway.SiteConfig{Require: gateway.Requirements{MinAge: 18}}
	for _, row := range []struct {
		name       string
		attributes []string
		claims     []string // nil is the default
		encrypted  bool
		want       string // begins the error
		lacks      string
	}{
		{name: "the birth date by default", attributes: []string{"dateOfBirth"}},
		{name: "the birth date", attributes: []string{"dateOfBirth"}, claims: []string{"birthdate"}},
		{name: "the age", attributes: []string{"dateOfBirth"}, claims: []string{"age_over_18"}},
		{name: "another age", attributes: []string{"dateOfBirth"}, claims: []string{"age_over_21"}, lacks: "age_over_18"},
		{name: "another age and the birth date", attributes: []string{"dateOfBirth"}, claims: []string{"age_over_21", "birthdate"}},
		{name: "another age in encrypted tokens", attributes: []string{"dateOfBirth"}, claims: []string{"age_over_21"}, encrypted: true},
		{name: "nothing in encrypted tokens", attributes: []string{"dateOfBirth", "name"}, claims: []string{"name"}, encrypted: true},
		{name: "nothing", attributes: []string{"dateOfBirth", "name"}, claims: []string{"name"}, want: "require min_age: the token of an app does not show the age; add age_over_18 to token claims, or encrypted to token"},
		{name: "no birth date", attributes: []string{"name"}, encrypted: true, want: "require min_age: the gateway does not request the birth date"},
	} {
		config := usable(t)
		config.Attributes, config.Token.Claims, config.Token.Encrypted = row.attributes, row.claims, row.encrypted
		g, err := gateway.New(config)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		site, err := g.NewSite(adults)
		checked := config.CheckSite(adults)
		switch {
		case row.want != "":
			if err == nil || !strings.HasPrefix(err.Error(), row.want) || checked == nil || checked.Error() != err.Error() {
				t.Errorf("%s: got %v and %v, want %q", row.name, err, checked, row.want)
			}
		case err != nil || checked != nil:
			t.Errorf("%s: got %v and %v", row.name, err, checked)
		case site.LacksAgeClaim() != row.lacks:
			t.Errorf("%s: the tokens lack %q, want %q", row.name, site.LacksAgeClaim(), row.lacks)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

func required(claim string, values ...string) gateway.Requirements {
	return gateway.Requirements{Claims: []gateway.ClaimRequirement{{Claim: claim, Values: values}}}
}

// TestRequiredBooleanIsTrueOrFalse: with any other value the site would refuse every user.
func TestRequiredBooleanIsTrueOrFalse(t *testing.T) {
	t.Parallel()
	config := usable(t)
	config.Attributes, config.Token.Claims = []string{"dateOfBirth", "email"}, []string{"age_over_18", "email"}
	for _, claim := range []string{"age_over_18", "email_verified"} {
		if err := config.CheckSite(gateway.SiteConfig{Require: required(claim, "true", "false")}); err != nil {
			t.Error(err)
		}
		for _, value := range []string{"yes", "True", "1"} {
			want := "require claim " + claim + `: "` + value + `" is no value of it; use true or false`
			if err := config.CheckSite(gateway.SiteConfig{Require: required(claim, "true", value)}); err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	if err := config.CheckSite(gateway.SiteConfig{Require: required("email", "yes")}); err != nil {
		t.Error(err)
	}
}

// TestPublicPatternIsReadInOneWay refuses patterns that no public path could match.
func TestPublicPatternIsReadInOneWay(t *testing.T) {
	t.Parallel()
	config := gateway.Config{Attributes: []string{"name"}}
	check := func(pattern string) error { return config.CheckSite(gateway.SiteConfig{Public: []string{pattern}}) }
	for _, pattern := range []string{"/index.php/*", "/index.php/x", "/a./*", "/a.", "/a:1", "/a::b", "/A~1/*", "/a%20", "//", "/a//*", "/a/../b", "a", "", "*", "/a*b", "/*/a"} {
		if err := check(pattern); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
	for _, pattern := range []string{"/", "/*", "/health", "/index.php", "/assets/*", "/v1/items:batchGet", "/a/"} {
		if err := check(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
