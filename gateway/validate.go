package gateway

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/page"
	"github.com/caddy-itsme/caddy-itsme/internal/loopback"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

var (
	cookieName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	urlHost    = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`) // names beyond ASCII as A-labels (RFC 5890)
	pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)
)

// validate checks a configuration whose defaults are filled in. It returns the first error.
func (c Config) validate() error {
	return cmp.Or(
		c.validatePublicURL(), c.validatePath(), c.validateRedirectURLs(), c.validateAppLinks(), c.validateAttributes(),
		c.validateLogin(), c.validateToken(), c.validateCookie(), c.validatePage(), c.Limit.validate(), c.validateParts(),
	)
}

func (c Config) validatePublicURL() error {
	if c.PublicURL == "" {
		return configErrorf("public_url: missing; name the origin that clients use, such as https://app.example.be")
	}
	u, err := parseWebURL("public_url", c.PublicURL)
	if err != nil {
		return err
	}
	if u.Path != "" || u.RawQuery != "" {
		return configErrorf("public_url: %q has more than an origin; drop everything after the host (path sets the prefix of the gateway's endpoints)", c.PublicURL)
	}
	if plain := u.Scheme + "://" + originHost(u); c.PublicURL != plain {
		return configErrorf("public_url: %q is not the origin as browsers write it; write %q", c.PublicURL, plain)
	}
	return nil
}

// parseWebURL reads an absolute https URL, or an http one on a loopback host.
func parseWebURL(field, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, configErrorf("%s: %q is not an absolute URL; write it as https://host/path", field, raw)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, configErrorf("%s: %q has the scheme %q; only https works, itsme accepts no custom scheme", field, raw, u.Scheme)
	case u.Scheme == "http" && !loopback.Host(u.Hostname()):
		return nil, configErrorf("%s: %q is plain http; use https (http is for loopback hosts only)", field, raw)
	case u.User != nil:
		return nil, configErrorf("%s: the URL has user information; remove the part before the @", field)
	case strings.Contains(raw, "#"):
		return nil, configErrorf("%s: %q has a fragment; remove the # and what follows", field, raw)
	case !urlHost.MatchString(u.Host):
		return nil, configErrorf("%s: %q has a host that no client sends; write one host, without a wildcard, and a name beyond ASCII as xn--...", field, raw)
	}
	return u, nil
}

func (c Config) validatePath() error {
	if !pathPrefix.MatchString(c.Path) {
		return configErrorf("path: %q cannot be the prefix of the gateway's endpoints; use one like /itsme, without a slash at the end", c.Path)
	}
	return nil
}

func (c Config) validateRedirectURLs() error {
	browser, err := parseWebURL("redirect_url", c.RedirectURL)
	if err != nil {
		return err
	}
	if origin(browser) != c.PublicURL {
		return configErrorf("redirect_url: %q is not on public_url's origin %s; a browser's login ends where its cookies are", c.RedirectURL, c.PublicURL)
	}
	if err := c.validateRedirectPath("redirect_url", browser); err != nil {
		return err
	}
	for _, raw := range c.AppRedirectURLs {
		app, err := parseWebURL("app_redirect_url", raw)
		if err != nil {
			return err
		}
		if app.Scheme == "http" && !strings.HasPrefix(c.PublicURL, "http:") {
			return configErrorf("app_redirect_url: %q is plain http while public_url is https; use https", raw)
		}
		if originHost(app) == originHost(browser) && app.Path == browser.Path {
			return configErrorf("app_redirect_url: %q is the browser's redirect_url too; apps need one of their own, claimed by the app", raw)
		}
		if err := c.validateRedirectPath("app_redirect_url", app); err != nil {
			return err
		}
	}
	return validateOnce("app_redirect_url", c.AppRedirectURLs)
}

// validateRedirectPath refuses a redirect URL on the path of another endpoint, and a query: no document says
// how itsme would append the code and state to one.
func (c Config) validateRedirectPath(field string, u *url.URL) error {
	if u.RawQuery != "" || u.ForceQuery {
		return configErrorf("%s: the URL has a query; itsme appends code and state; remove the query", field)
	}
	if u.Path == "" || u.RawPath != "" {
		return configErrorf("%s: %q needs a plain path such as %s/callback", field, u.String(), c.Path)
	}
	if within(u.Path, "/.well-known") {
		return configErrorf("%s: %q is below /.well-known, which is for documents; choose a path such as %s/callback", field, u.Path, c.Path)
	}
	own, ours := strings.CutPrefix(u.Path, c.Path+"/")
	if ours && own != "callback" && own != "app/callback" && endpointNamed(own) {
		return configErrorf("%s: %q is the path of another endpoint of the gateway; choose another path", field, u.Path)
	}
	return nil
}

func (c Config) validateAttributes() error {
	if len(c.Attributes) == 0 {
		return configErrorf("attributes: missing; name what the upstream needs, such as: attributes name firstName lastName")
	}
	for _, name := range c.Attributes {
		if _, ok := attribute.Named(name); !ok {
			return configErrorf("attributes: Signicat has no itsme attribute %q; the known ones are %s", name, strings.Join(attribute.Names(), " "))
		}
	}
	return validateOnce("attributes", c.Attributes)
}

func (c Config) validateLogin() error {
	if c.LoA != "" {
		if _, err := signicat.ParseLoA(string(c.LoA)); err != nil {
			return configErrorf("loa: %q is not a level of assurance; use low, substantial or high", c.LoA)
		}
	}
	if c.Language != "" && !page.Offers(c.Language) {
		return configErrorf("language: %q is not offered; use nl, fr, de or en, or leave it out to follow the request", c.Language)
	}
	return validateDuration("session_lifetime", c.SessionLifetime, MinSessionLifetime, MaxSessionLifetime)
}

func (c Config) validateToken() error {
	return cmp.Or(
		c.validateIssuer(), c.validateAudience(), c.validateDPoP(), c.validateClaims(),
		validateDuration("token lifetime", c.Token.Lifetime, MinTokenLifetime, MaxTokenLifetime), c.validateRefresh(),
	)
}

func (c Config) validateIssuer() error {
	_, err := parseWebURL("token issuer", c.Token.Issuer)
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(c.Token.Issuer, "/"):
		return configErrorf("token issuer: %q ends with a slash; drop it, verifiers compare the issuer byte for byte", c.Token.Issuer)
	case strings.Contains(c.Token.Issuer, "?"):
		return configErrorf("token issuer: %q has a query; RFC 8414 allows none, drop it", c.Token.Issuer)
	}
	return nil
}

func (c Config) validateAudience() error {
	for _, audience := range c.Token.Audience {
		switch {
		case audience == "" || strings.ContainsAny(audience, " \t\r\n"):
			return configErrorf("token audience: %q is empty or has blanks; name the API, such as https://api.example.be", audience)
		case audience == c.PublicURL+c.Path:
			return configErrorf("token audience: %q is the audience of browser sessions, which no upstream may accept; name the API", audience)
		}
	}
	return validateOnce("token audience", c.Token.Audience)
}

func (c Config) validateDPoP() error {
	if c.Token.DPoP != DPoPOptional && c.Token.DPoP != DPoPRequired {
		return configErrorf("token dpop: %q is unknown; use optional or required", c.Token.DPoP)
	}
	return nil
}

func (c Config) validateRefresh() error {
	switch {
	case c.Token.Refresh == 0:
		return nil
	case c.Token.Refresh <= c.Token.Lifetime:
		return configErrorf("token refresh: %s is not longer than token lifetime %s; make it longer, or drop refresh", c.Token.Refresh, c.Token.Lifetime)
	}
	return validateDuration("token refresh", c.Token.Refresh, MinTokenLifetime, MaxRefresh)
}

func (c Config) validateClaims() error {
	for _, claim := range c.Token.Claims {
		asked := func(name string) bool { a, _ := attribute.Named(name); return a.Claim == claim }
		switch {
		case attribute.Computed(claim):
			if err := c.validateAgeClaim(claim); err != nil {
				return err
			}
		case !slices.ContainsFunc(c.Attributes, asked):
			return configErrorf("token claims: %q comes from no listed attribute; add its attribute to attributes, or remove the claim", claim)
		}
	}
	return validateOnce("token claims", c.Token.Claims)
}

// birthDateAttribute is Signicat's name of the birth date.
const birthDateAttribute = "dateOfBirth"

func (c Config) validateAgeClaim(claim string) error {
	switch {
	case !attribute.IsAge(claim):
		return configErrorf("token claims: %q is no age claim; use age_over_1 to age_over_%d, without leading zeros", claim, attribute.OldestPerson)
	case !slices.Contains(c.Attributes, birthDateAttribute):
		return configErrorf("token claims: %q is computed from the birth date; add dateOfBirth to attributes, or remove the claim", claim)
	}
	return nil
}

func (c Config) validateCookie() error {
	if !cookieName.MatchString(c.Cookie.Name) {
		return configErrorf("cookie: %q cannot be a cookie's base name; use letters, digits, - and _, at most 40", c.Cookie.Name)
	}
	return validateDuration("cookie", c.Cookie.Lifetime, MinTokenLifetime, MaxCookieLifetime)
}

func (l LimitConfig) validate() error {
	return cmp.Or(
		validateLimit("limit sessions_per_client", l.SessionsPerClient, l.SessionsWindow),
		validateLimit("limit token_per_client", l.TokenPerClient, l.TokenWindow),
		validateLimit("limit pending", l.Pending, time.Second),
		validateLimit("limit pending_per_client", l.PendingPerClient, time.Second),
		validateLimit("limit long_polls_per_client", l.LongPollsPerClient, time.Second),
		validateLimit("limit status_reads", l.StatusReads, l.StatusWindow),
		l.validateAllSessions(),
	)
}

func (l LimitConfig) validateAllSessions() error {
	switch {
	case l.AllSessions != 0:
		return validateLimit("limit sessions", l.AllSessions, l.AllSessionsWindow)
	case l.AllSessionsWindow != 0:
		return configErrorf("limit sessions: the window %s has no number of sessions; write: sessions 600 1m", l.AllSessionsWindow)
	}
	return nil
}

func validateLimit(field string, n int, window time.Duration) error {
	switch {
	case n < 1:
		return configErrorf("%s: %d allows nothing; use 1 or more", field, n)
	case window < time.Second || window > 24*time.Hour:
		return configErrorf("%s: the window %s is out of bounds; use 1s to 24h", field, window)
	}
	return nil
}

func (c Config) validateParts() error {
	switch {
	case c.Store == nil:
		return configErrorf("store: missing; use memory")
	case c.Keys == nil:
		return configErrorf("token key: no keys are given")
	}
	return nil
}

func validateOnce(field string, values []string) error {
	for i, value := range values {
		if slices.Contains(values[:i], value) {
			return configErrorf("%s: %q is listed twice; remove one", field, value)
		}
	}
	return nil
}

func validateDuration(field string, d, least, most time.Duration) error {
	if d < least || d > most {
		return configErrorf("%s: %s is out of bounds; use %s to %s", field, d, least, most)
	}
	if d%time.Second != 0 {
		return configErrorf("%s: %s is not in whole seconds; round it", field, d)
	}
	return nil
}

// origin returns scheme://host of a URL, as browsers compare it.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }
