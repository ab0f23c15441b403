package signicattest

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The defaults of [Config].
const (
	DefaultClientID            = "sandbox-demo-client-000"
	DefaultClientSecret        = "sandbox-demo-secret"
	DefaultAccountID           = "a-spge-SimulatedAccount0001"
	DefaultRedirectURL         = "https://app.example.be/itsme/callback"
	DefaultAppRedirectURL      = "https://app.example.be/itsme/app/callback"
	DefaultAccessTokenLifetime = 600 * time.Second
	DefaultMaxSessions         = 20_000
)

// maxAccessTokenLifetime is the longest lifetime that Signicat's dashboard offers for an API client.
// Source: https://developer.signicat.com/docs/connect-to-signicat-apis/advanced-settings/access-tokens/
const maxAccessTokenLifetime = 3600 * time.Second

// ErrConfig is returned when a [Config] has an invalid field. The text names the field.
var ErrConfig = errors.New("unusable simulator configuration")

// Config is one simulated Signicat account with one API client and one itsme configuration. The zero value is usable.
type Config struct {
	// ClientID and ClientSecret are the API client's credentials. Default [DefaultClientID] and [DefaultClientSecret].
	ClientID, ClientSecret string

	// AccountID is the account that sessions belong to. Default [DefaultAccountID].
	AccountID string

	// OrganizationID makes the API client one of an organisation: every API call must then name the organisation and
	// the account. Empty, the default, is a client of the account itself.
	OrganizationID string

	// RedirectURLs is the allow-list, matched as whole strings. The first is used when a session request names none.
	// Default [DefaultRedirectURL] and [DefaultAppRedirectURL].
	RedirectURLs []string

	// AllowLoopbackHTTP accepts http redirect URLs on loopback hosts, which Signicat refuses: for a demo on one machine.
	AllowLoopbackHTTP bool

	// RequestDomains are the domains that a session request may name as requestDomain. Empty means none.
	RequestDomains []string

	// Switches choose a form where no public source describes Signicat. The zero value is the default form of each.
	Switches Switches

	// AccessTokenLifetime is the lifetime of an access token of the API. Whole seconds, at most one hour. Zero is [DefaultAccessTokenLifetime].
	AccessTokenLifetime time.Duration

	// MaxSessions is how many sessions are kept; the oldest is forgotten first. Zero is [DefaultMaxSessions].
	MaxSessions int

	// Seed decides every id, state, nonce and code, so that a run can be repeated. Zero draws one: see [Server.Seed].
	// The key that signs access tokens is always drawn anew.
	Seed uint64

	// Now is the clock. Nil is time.Now.
	Now func() time.Time

	// BaseURL is the URL by which callers reach the simulator, for example http://127.0.0.1:8090. [Start] fills it. Empty: each
	// answer uses the host of its request.
	BaseURL string

	// TLS serves https with HTTP/2, as Signicat does, with a certificate that is made at the start for loopback and the
	// host of BaseURL. Callers trust [Server.RootCAs]. False, the default, serves plain HTTP/1.1.
	TLS bool
}

// URLAt returns the BaseURL of a simulator that listens on that address. It returns "" for an address of every interface,
// which names no host: each answer then uses the host of its request.
func (c Config) URLAt(a net.Addr) string {
	switch tcp, ok := a.(*net.TCPAddr); {
	case ok && tcp.IP.IsUnspecified():
		return ""
	case c.TLS:
		return "https://" + a.String()
	}
	return "http://" + a.String()
}

func (c Config) withDefaults() Config {
	c.ClientID = cmp.Or(c.ClientID, DefaultClientID)
	c.ClientSecret = cmp.Or(c.ClientSecret, DefaultClientSecret)
	c.AccountID = cmp.Or(c.AccountID, DefaultAccountID)
	c.AccessTokenLifetime = cmp.Or(c.AccessTokenLifetime, DefaultAccessTokenLifetime)
	c.MaxSessions = cmp.Or(c.MaxSessions, DefaultMaxSessions)
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	c.RedirectURLs = slices.Clone(c.RedirectURLs)
	c.RequestDomains = slices.Clone(c.RequestDomains)
	if len(c.RedirectURLs) == 0 {
		c.RedirectURLs = []string{DefaultRedirectURL, DefaultAppRedirectURL}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate() error {
	for _, u := range c.RedirectURLs {
		if reason := c.redirectURLFault(u); reason != "" {
			if lenient := (Config{AllowLoopbackHTTP: true}); lenient.redirectURLFault(u) == "" {
				reason += "; AllowLoopbackHTTP, -allow-loopback-http of the program, accepts http on loopback"
			}
			return fmt.Errorf("%w: RedirectURLs: %s: %s", ErrConfig, u, reason)
		}
	}
	if l := c.AccessTokenLifetime; l < time.Second || l > maxAccessTokenLifetime || l%time.Second != 0 {
		return fmt.Errorf("%w: AccessTokenLifetime: %s is not whole seconds from 1s to %s", ErrConfig, l, maxAccessTokenLifetime)
	}
	if c.MaxSessions < 1 {
		return fmt.Errorf("%w: MaxSessions: %d is less than 1", ErrConfig, c.MaxSessions)
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("%w: BaseURL: not an absolute URL", ErrConfig)
	}
	if c.TLS && c.BaseURL != "" && !strings.HasPrefix(c.BaseURL, "https://") {
		return fmt.Errorf("%w: BaseURL: must begin with https, because TLS is set", ErrConfig)
	}
	if err := c.Switches.validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// redirectURLFault returns the reason why Signicat would refuse u as a redirect URL, or "".
// Source: https://developer.signicat.com/identity-methods/itsme/, "Redirect URL format".
func (c Config) redirectURLFault(u string) string {
	parsed, err := url.Parse(u)
	switch {
	case err != nil || parsed.Host == "" || parsed.Opaque != "":
		return "must be an absolute URL"
	case strings.Contains(u, "#"):
		return "must not have a fragment"
	case parsed.User != nil:
		return "must not carry credentials"
	case parsed.Scheme == "https":
		return ""
	case parsed.Scheme == "http" && c.AllowLoopbackHTTP && isLoopback(parsed.Hostname()):
		return ""
	}
	return "must begin with https"
}

// isLoopback reports whether a host is localhost, a name below it (RFC 6761 section 6.3) or a loopback address. This
// package shares no code with the client: a mistake in it would pass the tests of both.
func isLoopback(host string) bool {
	host = strings.ToLower(host)
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
