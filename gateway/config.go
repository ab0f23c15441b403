package gateway

import (
	"log/slog"
	"time"

	"github.com/caddy-itsme/caddy-itsme/attribute"
	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Defaults of [Config]; a zero field takes its default.
const (
	// DefaultPath is the prefix of the own endpoints.
	DefaultPath = "/itsme"
	// DefaultSessionLifetime is Signicat's own default, 1200 s.
	DefaultSessionLifetime = 20 * time.Minute
	// DefaultTokenLifetime is how long an access token is valid.
	DefaultTokenLifetime = 15 * time.Minute
	// DefaultCookieName is the base name of the cookies; __Host- stands in front on https.
	DefaultCookieName = "itsme"
	// DefaultCookieLifetime is how long a browser's login lasts.
	DefaultCookieLifetime = 8 * time.Hour
	// DefaultSessionsPerClient is how many sessions one client may start in a window.
	DefaultSessionsPerClient = 60
	// DefaultSessionsWindow is the window of DefaultSessionsPerClient.
	DefaultSessionsWindow = time.Minute
	// DefaultAllSessionsWindow is the window of LimitConfig.AllSessions, which has no default.
	DefaultAllSessionsWindow = time.Minute
	// DefaultTokenPerClient is how many requests one client may make to /token and /revoke in a window.
	DefaultTokenPerClient = 600
	// DefaultTokenWindow is the window of DefaultTokenPerClient.
	DefaultTokenWindow = time.Minute
	// DefaultPending bounds the pending sessions altogether.
	DefaultPending = 100_000
	// DefaultPendingPerClient bounds the pending sessions of one client.
	DefaultPendingPerClient = 60
	// DefaultLongPollsPerClient is how many long polls of one client are held at once.
	DefaultLongPollsPerClient = 64
	// DefaultStatusReads is how many reads of Signicat waiting clients may cause in a window.
	DefaultStatusReads = 50
	// DefaultStatusWindow is the window of DefaultStatusReads.
	DefaultStatusWindow = time.Second
)

// Bounds of [Config].
const (
	// MinSessionLifetime is the least that Signicat keeps a session: lower values are raised to it.
	MinSessionLifetime = 5 * time.Minute
	// MaxSessionLifetime bounds how long a pending session is kept. Unverified: Signicat
	// publishes no maximum.
	MaxSessionLifetime = time.Hour
	// MinTokenLifetime and MaxTokenLifetime bound the lifetime of an access token.
	MinTokenLifetime = time.Minute
	MaxTokenLifetime = 24 * time.Hour
	// MaxRefresh bounds how long a login may be refreshed.
	MaxRefresh = login.MaxRefresh
	// MaxCookieLifetime bounds a browser's login.
	MaxCookieLifetime = 30 * 24 * time.Hour
)

// Config describes a gateway. PublicURL, Signicat, Attributes, Store and Keys are required;
// every other zero field takes its default.
type Config struct {
	// Name is the gateway's name in logs. Default "default".
	Name string

	// PublicURL is the origin at which clients reach the gateway, such as
	// https://app.example.be: https (http on loopback hosts only), without a path. It is the
	// issuer unless Token.Issuer says otherwise, and the base of every own URL.
	PublicURL string

	// Path is the prefix of the own endpoints: it starts with a slash and does not end with one.
	// Default [DefaultPath].
	Path string

	// Signicat is how to call Signicat's Authentication REST API.
	Signicat signicat.Config

	// RedirectURL is where itsme sends a browser back to. It must be allow-listed in the
	// Signicat Dashboard and be on PublicURL's origin. Default PublicURL + Path + /callback.
	RedirectURL string

	// AppRedirectURLs is where itsme sends apps back to: universal links or app links, each
	// allow-listed in the Signicat Dashboard and none equal to RedirectURL. The first is used
	// when an app names none. Default PublicURL + Path + /app/callback.
	AppRedirectURLs []string

	// AppLinks are the apps that own AppRedirectURLs. Zero serves no file that says so.
	AppLinks AppLinkConfig

	// Attributes are asked of Signicat, by Signicat's names. Required, at least one.
	Attributes []string

	// LoA is asked of Signicat and checked in its answer. Zero asks for none and accepts any
	// that Signicat names.
	LoA signicat.LoA

	// Language is that of itsme and of the pages, where a client names none by the parameter
	// language: nl, fr, de or en. Zero takes it from the request's Accept-Language.
	Language string

	// SessionLifetime is how long a user has to finish, in whole seconds. Default
	// [DefaultSessionLifetime], from [MinSessionLifetime] to [MaxSessionLifetime].
	SessionLifetime time.Duration

	// Token is about the tokens that are issued.
	Token TokenConfig

	// Cookie is about a browser's login.
	Cookie CookieConfig

	// Limit bounds what clients can make the gateway do.
	Limit LimitConfig

	// Page is the look and the words of the pages. Zero keeps both.
	Page PageConfig

	// Verify are the addresses and ranges of the proxies that may ask /verify whether to let a
	// request through, by the connection's own address. Default none: then there is no /verify.
	Verify []string

	// Store keeps pending sessions, counters and revocations. The caller closes it.
	Store store.Store

	// Keys holds the signing keys; while it is empty the gateway answers 503.
	Keys *token.Keys

	// Replica is the name of this process of the gateway in logs, such as the host's name. Zero: no line
	// names it.
	Replica string

	// Instance is what /health/ready calls this gateway of this process, in the header
	// [InstanceHeader]. Pass gateways that replace each other the same one. Zero: a random one.
	Instance string

	// Logger receives one line a login and what goes wrong. Nil discards.
	Logger *slog.Logger

	// Observe receives callbacks for metrics and events. Nil fields are ignored.
	Observe Observer

	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// TokenConfig describes the tokens that the gateway issues.
type TokenConfig struct {
	// Issuer is the iss claim. Default PublicURL. Discovery is at the issuer's well-known URLs.
	Issuer string
	// Audience is the aud claim: one recommended, more allowed. Default PublicURL.
	Audience []string
	// Lifetime of an access token, in whole seconds. Default [DefaultTokenLifetime], from
	// [MinTokenLifetime] to [MaxTokenLifetime].
	Lifetime time.Duration
	// Refresh is how long a login may be refreshed without itsme, in whole seconds, longer than
	// Lifetime and at most [MaxRefresh]; then the user logs in again. Zero, the default, issues no refresh tokens, and browsers log in
	// again when the cookie's lifetime is over.
	Refresh time.Duration
	// Claims are the attribute claims in the token, by OpenID Connect's names. Default: the
	// claim of every attribute asked for, without the sensitive ones (see [attribute.Attribute]), which
	// must be named.
	Claims []string
}

// CookieConfig describes a browser's login.
type CookieConfig struct {
	// Name is the base name of the cookies: letters, digits, - and _, at most 40. Default
	// [DefaultCookieName].
	Name string
	// Lifetime of a browser's login, in whole seconds. Default [DefaultCookieLifetime], from
	// [MinTokenLifetime] to [MaxCookieLifetime].
	Lifetime time.Duration
}

// LimitConfig bounds what clients can make the gateway do. Numbers are 1 or more and windows from
// 1 s to 24 h; zero takes the default.
//
// A client is an IPv4 address or an IPv6 /64. The clients of one IPv6 /48 together may start sessions,
// ask for tokens and hold long polls as 16 clients may.
type LimitConfig struct {
	// SessionsPerClient is how many sessions one client may start in SessionsWindow. Default
	// [DefaultSessionsPerClient].
	SessionsPerClient int
	// SessionsWindow is the window of SessionsPerClient. Default [DefaultSessionsWindow].
	SessionsWindow time.Duration
	// AllSessions is how many sessions all clients together may start in AllSessionsWindow. Zero,
	// the default, sets no such limit: a flood that reaches it stops the starts of all clients.
	AllSessions int
	// AllSessionsWindow is the window of AllSessions. Default [DefaultAllSessionsWindow].
	AllSessionsWindow time.Duration
	// TokenPerClient is how many requests to /token and /revoke one client may make at once. A place
	// becomes free every TokenWindow/TokenPerClient. Default [DefaultTokenPerClient].
	TokenPerClient int
	// TokenWindow is the window of TokenPerClient. Default [DefaultTokenWindow].
	TokenWindow time.Duration
	// Pending bounds the pending sessions altogether. Default [DefaultPending].
	Pending int
	// PendingPerClient bounds the pending sessions of one client. Default
	// [DefaultPendingPerClient].
	PendingPerClient int
	// LongPollsPerClient bounds the long polls of one client that are held at once. One more is
	// answered at once. Default [DefaultLongPollsPerClient].
	LongPollsPerClient int
	// StatusReads is how many reads of Signicat all waiting clients together may cause in
	// StatusWindow. Clients take turns. Default [DefaultStatusReads].
	StatusReads int
	// StatusWindow is the window of StatusReads. Default [DefaultStatusWindow].
	StatusWindow time.Duration
}

// WithDefaults returns the configuration with every zero field that has a default filled in.
func (c Config) WithDefaults() Config {
	orString(&c.Name, "default")
	orString(&c.Path, DefaultPath)
	orString(&c.RedirectURL, c.PublicURL+c.Path+"/callback")
	if len(c.AppRedirectURLs) == 0 {
		c.AppRedirectURLs = []string{c.PublicURL + c.Path + "/app/callback"}
	}
	orDuration(&c.SessionLifetime, DefaultSessionLifetime)
	orString(&c.Token.Issuer, c.PublicURL)
	if len(c.Token.Audience) == 0 {
		c.Token.Audience = []string{c.PublicURL}
	}
	orDuration(&c.Token.Lifetime, DefaultTokenLifetime)
	if c.Token.Claims == nil {
		c.Token.Claims = attribute.DefaultClaims(c.Attributes)
	}
	orString(&c.Cookie.Name, DefaultCookieName)
	orDuration(&c.Cookie.Lifetime, DefaultCookieLifetime)
	c.Limit = c.Limit.withDefaults()
	c.Observe = c.Observe.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (l LimitConfig) withDefaults() LimitConfig {
	orInt(&l.SessionsPerClient, DefaultSessionsPerClient)
	orDuration(&l.SessionsWindow, DefaultSessionsWindow)
	if l.AllSessions != 0 {
		orDuration(&l.AllSessionsWindow, DefaultAllSessionsWindow)
	}
	orInt(&l.TokenPerClient, DefaultTokenPerClient)
	orDuration(&l.TokenWindow, DefaultTokenWindow)
	orInt(&l.Pending, DefaultPending)
	orInt(&l.PendingPerClient, DefaultPendingPerClient)
	orInt(&l.LongPollsPerClient, DefaultLongPollsPerClient)
	orInt(&l.StatusReads, DefaultStatusReads)
	orDuration(&l.StatusWindow, DefaultStatusWindow)
	return l
}

func orString(s *string, fallback string) {
	if *s == "" {
		*s = fallback
	}
}

func orInt(n *int, fallback int) {
	if *n == 0 {
		*n = fallback
	}
}

func orDuration(d *time.Duration, fallback time.Duration) {
	if *d == 0 {
		*d = fallback
	}
}
