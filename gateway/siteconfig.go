package gateway

import (
	"cmp"
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

// Mode selects the answer to a request that needs a login and has none.
type Mode string

// The modes.
const (
	// ModeAuto redirects a browser's navigation to the login page and answers every other request with 401.
	ModeAuto Mode = "auto"
	// ModeAPI answers every request with 401.
	ModeAPI Mode = "api"
	// ModeBrowser redirects every GET and HEAD to the login page. On another host than PublicURL's, where the
	// login's cookies do not work, ModeBrowser and [ModeAuto] act as [ModeAPI].
	ModeBrowser Mode = "browser"
)

// Values of [SiteConfig.ForwardToken] that are not the name of a header.
const (
	// ForwardAuthorization sends the site's token to the upstream as Authorization: Bearer.
	ForwardAuthorization = "authorization"
	// ForwardOff keeps the token from the upstream.
	ForwardOff = "off"
)

// SiteConfig configures a site. The zero value protects everything.
type SiteConfig struct {
	// Public lists paths that need no login: exact, or a prefix that ends with /*. They match the path that
	// the client requested, in its canonical form only. A path that was rewritten since must be listed too,
	// or be the rest of the listed one after a prefix was stripped: /assets/x of /app/assets/x, with at least
	// one segment of the pattern left. Default none.
	Public []string

	// Optional lets requests without a credential through, without identity headers. A bad credential is
	// still refused, and so is a login that does not meet Require.
	Optional bool

	// CORSPreflight lets a browser's CORS preflights through, without identity and without credentials, which
	// they never have. A preflight has no body, no Upgrade and no header that overrides the method. Default
	// false: preflights need a login like any other request.
	CORSPreflight bool

	// Mode selects the answer to a request without a login. Default [ModeAuto].
	Mode Mode

	// Require holds the requirements of a login. Default: a valid login is enough.
	Require Requirements

	// Headers lists upstream headers in addition to the X-Itsme ones. Clients can never supply them.
	Headers []ExtraHeader

	// Hosts lists the hosts that are written out in the site's addresses, with the port if it is not the default one. A
	// DPoP proof for one of them counts. One for the host of PublicURL or of an http(s) audience, of the gateway's tokens or
	// of this site's, always counts.
	Hosts []string

	// ForwardToken selects how the token reaches the upstream: [ForwardAuthorization] (the default),
	// [ForwardOff], or the name of a header for the token alone. The gateway mints it for the site. The client's
	// own credential never reaches an upstream.
	ForwardToken string

	// Audience is the aud of the site's token: an absolute URI without a fragment (RFC 8707 section 2), such as
	// https://orders.example.be. Services of another audience then refuse the token. No gateway's own tokens or
	// cookies may have it. Default: that of the gateway's tokens.
	Audience string

	// Claims limits what the upstream receives, in headers and in the token. sub, acr and auth_time are always
	// sent. It does not limit what Require reads. Default: all claims of the login.
	Claims []string
}

// ExtraHeader is an additional upstream header with the value of a claim.
type ExtraHeader struct {
	// Name of the header, not one that HTTP or the gateway itself uses.
	Name string
	// Claim is sub, acr, auth_time, jti, iss, client_id, idp or an attribute claim in the login's token. With
	// [SiteConfig.Claims], an attribute claim must be among those. jti is that of the client's credential.
	Claim string
}

// RequestInfo holds what the server of a [Site] knows about a request beyond net/http.
type RequestInfo struct {
	// OriginalURL is the URL that the client requested, before any rewrite. Nil is the request's own URL.
	OriginalURL *url.URL
	// Method is the method that the client sent. Empty is the request's own.
	Method string
	// Scheme and Host are what the client used, as far as the server trusts a proxy that says so. Empty ones are those of
	// the connection and the request.
	Scheme, Host string
	// Proof is where the handlers of one request keep the result of its DPoP proof. Nil keeps it behind the first site.
	Proof *CheckedProof
	// Client is the client's address, as far as the server trusts it. The zero value takes the request's
	// RemoteAddr.
	Client netip.Addr
	// Unmatched says that the site's matcher matches the request neither now nor as the client sent it. The
	// site then strips it and lets it through. Unmatched has no effect on a path that servers read in
	// different ways. With ;, //, dot segments, encoded separators or /index.php/x in either URL, a request
	// still needs a login.
	Unmatched bool
}

func (i RequestInfo) withDefaults(r *http.Request) RequestInfo {
	if i.OriginalURL == nil {
		i.OriginalURL = r.URL
	}
	i.Method, i.Host = cmp.Or(i.Method, r.Method), cmp.Or(i.Host, r.Host)
	if i.Scheme == "" && r.TLS != nil {
		i.Scheme = "https"
	}
	i.Scheme = cmp.Or(i.Scheme, "http")
	if !i.Client.IsValid() {
		if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			i.Client = remote.Addr()
		}
	}
	return i
}

// Next handles a request behind a site. The context of the request carries the identity.
type Next func(http.ResponseWriter, *http.Request) error

var headerName = regexp.MustCompile("^[A-Za-z0-9-]{1,64}$")

// reservedHeaders are headers that have a meaning in HTTP, to proxies or for cookies.
var reservedHeaders = []string{
	"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie",
	"Date", "Dpop", "Dpop-Nonce", "Early-Data", "Expect", "Forwarded", "Host", "Keep-Alive", "Origin",
	"Proxy-Authorization", "Proxy-Connection", "Range", "Referer", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Via",
}

// CheckSite returns the error that [Gateway.NewSite] would return, without a gateway and its other sites. It reads
// only PublicURL, Path, Attributes and the Audience, Claims and Encrypted of Token of c, and returns nil if the
// attributes or claims are wrong: [New] reports that.
func (c Config) CheckSite(site SiteConfig) error {
	c = c.WithDefaults()
	if c.validateAttributes() != nil || c.validateClaims() != nil {
		return nil
	}
	if err := c.validateSite(site.withDefaults()); err != nil {
		return err
	}
	return new(siteAudiences).add(c, site.Audience)
}

// validateSite checks a site of a gateway with this configuration. Both have their defaults.
func (c Config) validateSite(site SiteConfig) error {
	return cmp.Or(site.validate(withEmailVerified(c.Token.Claims)), site.Require.validateAge(c))
}

func (c SiteConfig) withDefaults() SiteConfig {
	c.Mode = cmp.Or(c.Mode, ModeAuto)
	c.ForwardToken = cmp.Or(c.ForwardToken, ForwardAuthorization)
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
	return cmp.Or(c.Require.validate(claims), c.validateAudience(), c.validateClaims(claims), c.validateHeaders(claims), c.validateForwardToken())
}

// absoluteURI matches a URI with a scheme and without a fragment (RFC 3986 section 4.3).
var absoluteURI = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]+$`)

// maxAudience bounds an audience in bytes. It is in every token of the site.
const maxAudience = 512

func (c SiteConfig) validateAudience() error {
	if c.Audience == "" {
		return nil
	}
	u, err := url.Parse(c.Audience)
	switch web := err == nil && (u.Scheme == "https" || u.Scheme == "http"); {
	case err != nil || !absoluteURI.MatchString(c.Audience) || len(c.Audience) > maxAudience:
		return configErrorf("audience: %q is not an absolute URI without a fragment; name the service, such as https://orders.example.be", c.Audience)
	case u.User != nil:
		return configErrorf("audience: the URI has user information; remove the part before the @")
	case web && u.Hostname() == "":
		return configErrorf("audience: %q has no host; name the service, such as https://orders.example.be", c.Audience)
	}
	return nil
}

func (c SiteConfig) validateClaims(claims []string) error {
	known := append(identity.AlwaysSent(), claims...)
	for _, claim := range c.Claims {
		if !slices.Contains(known, claim) {
			return configErrorf("claims: no token has the claim %q; use some of %s", claim, strings.Join(known, " "))
		}
	}
	return validateOnce("claims", c.Claims)
}

// sends reports whether the upstream receives a claim.
func (c SiteConfig) sends(claim string) bool {
	return c.Claims == nil || slices.Contains(withEmailVerified(c.Claims), claim) || slices.Contains(identity.RegisteredClaims(), claim)
}

// withEmailVerified adds the claim that always stands beside email.
func withEmailVerified(claims []string) []string {
	if slices.Contains(claims, "email") {
		return append(slices.Clip(claims), "email_verified")
	}
	return claims
}

func validatePublic(pattern string) error {
	path := pattern
	if prefix, wild := strings.CutSuffix(pattern, "/*"); wild {
		path = prefix + "/"
	}
	if strings.ContainsAny(path, "*?#") || !identity.CanonicalPath(path) {
		return configErrorf("public: %q is not a plain path; use an exact path like /health or a prefix like /assets/*", pattern)
	}
	return nil
}

func (c SiteConfig) validateHeaders(claims []string) error {
	known := append(identity.RegisteredClaims(), claims...)
	for i, h := range c.Headers {
		if err := validateHeaderName("header", h.Name); err != nil {
			return err
		}
		switch {
		case hasHeader(c.Headers[:i], h.Name):
			return configErrorf("header: %q is listed twice; remove one", h.Name)
		case !slices.Contains(known, h.Claim):
			return configErrorf("header: no token has the claim %q; use one of %s", h.Claim, strings.Join(known, " "))
		case !c.sends(h.Claim):
			return configErrorf("header: %q has the claim %q, which is not among claims %s; add it there, or remove the header", h.Name, h.Claim, strings.Join(c.Claims, " "))
		}
	}
	return nil
}

// hasHeader reports whether headers have a name, under any spelling.
func hasHeader(headers []ExtraHeader, name string) bool {
	return slices.ContainsFunc(headers, func(h ExtraHeader) bool { return identity.Fold(h.Name) == identity.Fold(name) })
}

func (c SiteConfig) validateForwardToken() error {
	switch {
	case c.ForwardToken == ForwardAuthorization || c.ForwardToken == ForwardOff:
		return nil
	case strings.EqualFold(c.ForwardToken, "on"):
		return configErrorf("forward_token: it is on unless it is off; leave it out, or name a header")
	case hasHeader(c.Headers, c.ForwardToken):
		return configErrorf("forward_token: %q is one of the extra headers; choose another name", c.ForwardToken)
	}
	return validateHeaderName("forward_token", c.ForwardToken)
}

func validateHeaderName(field, name string) error {
	canonicalName := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !headerName.MatchString(name):
		return configErrorf("%s: %q is not a header name; use letters, digits and -", field, name)
	case slices.Contains(reservedHeaders, canonicalName) || strings.HasPrefix(canonicalName, "X-Forwarded-"):
		return configErrorf("%s: %q has a meaning of its own in HTTP; choose a name like X-User-Id", field, name)
	case strings.HasPrefix(canonicalName, attribute.HeaderPrefix):
		return configErrorf("%s: %q begins with %s, which is the gateway's own; choose a name like X-User-Id", field, name, attribute.HeaderPrefix)
	}
	return nil
}
