package gateway

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// Mode says how a site answers a request that needs a login and has none.
type Mode string

// The modes.
const (
	// ModeAuto sends a browser's navigation to the login page and refuses everything else with
	// 401.
	ModeAuto Mode = "auto"
	// ModeAPI refuses everything with 401.
	ModeAPI Mode = "api"
	// ModeBrowser sends every GET and HEAD to the login page. On another host than PublicURL's,
	// where its cookies would not be, it is [ModeAPI], and so is [ModeAuto].
	ModeBrowser Mode = "browser"
)

// Values of [SiteConfig.ForwardToken] that are not the name of a header.
const (
	// ForwardAuthorization sends the access token to the upstream as Authorization: Bearer.
	ForwardAuthorization = "authorization"
	// ForwardOff keeps the access token from the upstream.
	ForwardOff = "off"
)

// SiteConfig describes what one site does with requests. The zero value protects everything.
type SiteConfig struct {
	// Public are paths that are let through without a login: exact, or a prefix that ends with
	// /*. They count in their canonical form only, as the client asks for them. A path that was
	// rewritten since must be listed too, or be what a stripped prefix has left of the listed one:
	// /assets/x of /app/assets/x, with at least one segment of the pattern left. Default none.
	Public []string

	// Optional lets requests without a credential through, without identity headers. A bad
	// credential is refused all the same, and so is a login that Require finds not enough.
	Optional bool

	// CORSPreflight lets a browser's CORS preflights through, without identity and without
	// credentials, which they never have. A preflight has no body, no Upgrade and no header that
	// overrides the method. Default false: they need a login like everything else.
	CORSPreflight bool

	// Mode is how a request without a login is answered. Default [ModeAuto].
	Mode Mode

	// Require is what a login must be to get through. Default: valid is enough.
	Require Requirements

	// Headers are upstream headers beside the X-Itsme ones. Clients can never supply them.
	Headers []ExtraHeader

	// ForwardToken is how the access token reaches the upstream: [ForwardAuthorization] (the
	// default), [ForwardOff], or the name of a header that then holds the bare token.
	ForwardToken string
}

// ExtraHeader is one more upstream header, filled from a claim.
type ExtraHeader struct {
	// Name of the header, not one that HTTP or the gateway itself uses.
	Name string
	// Claim is sub, acr, auth_time, jti, iss, client_id, idp or an attribute claim in the token.
	Claim string
}

// Request is what the server that runs a [Site] knows of a request beyond net/http.
type Request struct {
	// OriginalURL is the URL as the client asked for it, before any rewrite. Nil is the
	// request's own.
	OriginalURL *url.URL
	// Client is the client's address as the server trusts it. The zero value is taken from the
	// request's RemoteAddr.
	Client netip.Addr
	// Unmatched says that the site's matcher matches the request neither as it is nor as the client sent
	// it: the request is stripped and goes on. It has no effect on a path that servers read in different
	// ways. With ;, //, dot segments, encoded separators or /index.php/x in either URL, a request needs a
	// login all the same.
	Unmatched bool
}

// Next is what stands behind a site. The request it gets carries the identity in its context.
type Next func(http.ResponseWriter, *http.Request) error

var headerToken = regexp.MustCompile("^[A-Za-z0-9-]{1,64}$")

// notOurs are headers that HTTP, proxies or cookies give a meaning to.
var notOurs = []string{
	"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie",
	"Date", "Early-Data", "Expect", "Forwarded", "Host", "Keep-Alive", "Origin",
	"Proxy-Authorization", "Proxy-Connection", "Range", "Referer", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Via",
}

func (c SiteConfig) withDefaults() SiteConfig {
	if c.Mode == "" {
		c.Mode = ModeAuto
	}
	if c.ForwardToken == "" {
		c.ForwardToken = ForwardAuthorization
	}
	return c
}

func (c SiteConfig) validate(claims []string) error {
	switch c.Mode {
	case ModeAuto, ModeAPI, ModeBrowser:
	default:
		return configErrorf("mode: %q is unknown; use auto, api or browser", c.Mode)
	}
	for _, pattern := range c.Public {
		if err := validatePublic(pattern); err != nil {
			return err
		}
	}
	if err := c.Require.validate(claims); err != nil {
		return err
	}
	return c.validateHeaders(claims)
}

func validatePublic(pattern string) error {
	path := pattern
	if prefix, wild := strings.CutSuffix(pattern, "/*"); wild {
		path = prefix + "/"
	}
	if strings.ContainsAny(path, "*?#") || !identity.CanonicalPath(path) {
		return configErrorf("public: %q is no plain path; use an exact path like /health or a prefix like /assets/*", pattern)
	}
	return nil
}

func (c SiteConfig) validateHeaders(claims []string) error {
	seen := map[string]bool{}
	for _, h := range c.Headers {
		if err := validateHeaderName("header", h.Name); err != nil {
			return err
		}
		if key := identity.Fold(h.Name); seen[key] {
			return configErrorf("header: %q stands there twice; remove one", h.Name)
		} else {
			seen[key] = true
		}
		if known := append(identity.RegisteredClaims(), claims...); !slices.Contains(known, h.Claim) {
			return configErrorf("header: no token has the claim %q; use one of %s", h.Claim, strings.Join(known, " "))
		}
	}
	if c.ForwardToken == ForwardAuthorization || c.ForwardToken == ForwardOff {
		return nil
	}
	if err := validateHeaderName("forward_token", c.ForwardToken); err != nil {
		return err
	}
	if seen[identity.Fold(c.ForwardToken)] {
		return configErrorf("forward_token: %q is one of the extra headers; choose another name", c.ForwardToken)
	}
	return nil
}

func validateHeaderName(field, name string) error {
	canonicalName := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !headerToken.MatchString(name):
		return configErrorf("%s: %q is no header name; use letters, digits and -", field, name)
	case slices.Contains(notOurs, canonicalName) || strings.HasPrefix(canonicalName, "X-Forwarded-"):
		return configErrorf("%s: %q has a meaning of its own in HTTP; choose a name like X-User-Id", field, name)
	case strings.HasPrefix(canonicalName, attribute.HeaderPrefix):
		return configErrorf("%s: %q begins with %s, which is the gateway's own; choose a name like X-User-Id", field, name, attribute.HeaderPrefix)
	}
	return nil
}
