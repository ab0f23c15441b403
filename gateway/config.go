package gateway

import (
	"cmp"
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
	// DefaultPath is the prefix of the gateway's endpoints.
	DefaultPath = "/itsme"
	// DefaultSessionLifetime is Signicat's own default, 1200 s.
	DefaultSessionLifetime = 20 * time.Minute
	// DefaultTokenLifetime is the lifetime of an access token.
	DefaultTokenLifetime = 15 * time.Minute
	// DefaultCookieName is the base name of the cookies. On https it follows the prefix __Host-.
	DefaultCookieName = "itsme"
	// DefaultCookieLifetime is the lifetime of a browser's login.
	DefaultCookieLifetime = 8 * time.Hour
	// DefaultSessionsPerClient bounds the sessions that one client may start in a window.
	DefaultSessionsPerClient = 60
	// DefaultSessionsWindow is the window of DefaultSessionsPerClient.
	DefaultSessionsWindow = time.Minute
	// DefaultAllSessionsWindow is the window of LimitConfig.AllSessions, which has no default.
	DefaultAllSessionsWindow = time.Minute
	// DefaultTokenPerClient bounds the requests of one client to /token and /revoke in a window.
	DefaultTokenPerClient = 600
	// DefaultTokenWindow is the window of DefaultTokenPerClient.
	DefaultTokenWindow = time.Minute
	// DefaultPending bounds the pending sessions of all clients together.
	DefaultPending = 100_000
	// DefaultPendingPerClient bounds the pending sessions of one client.
	DefaultPendingPerClient = 60
	// DefaultLongPollsPerClient bounds the long polls that one client holds at once.
	DefaultLongPollsPerClient = 64
	// DefaultStatusReads bounds the reads of Signicat that waiting clients may cause in a window.
	DefaultStatusReads = 50
	// DefaultStatusWindow is the window of DefaultStatusReads.
	DefaultStatusWindow = time.Second
)

// Bounds of [Config].
const (
	// MinSessionLifetime is the shortest time that Signicat keeps a session. It raises lower values to this.
	MinSessionLifetime = 5 * time.Minute
	// MaxSessionLifetime bounds the lifetime of a pending session. Unverified: Signicat publishes no maximum.
	MaxSessionLifetime = time.Hour
	// MinTokenLifetime and MaxTokenLifetime bound the lifetime of an access token.
	MinTokenLifetime = time.Minute
	MaxTokenLifetime = 24 * time.Hour
	// MaxRefresh bounds the time in which a login may be refreshed.
	MaxRefresh = login.MaxRefresh
	// MaxCookieLifetime bounds the lifetime of a browser's login.
	MaxCookieLifetime = 30 * 24 * time.Hour
)

// Config configures a gateway. PublicURL, Signicat, Attributes, Store and Keys are required. Every other zero
// field takes its default.
type Config struct {
	// Name is the gateway's name in logs. Default "default".
	Name string

	// PublicURL is the origin at which clients reach the gateway, such as https://app.example.be: https (http
	// on loopback hosts only), without a path. It is the base of all URLs of the gateway, and the issuer
	// unless Token.Issuer is set.
	PublicURL string

	// Path is the prefix of the gateway's endpoints. It starts with a slash and does not end with one.
	// Default [DefaultPath].
	Path string

	// Signicat configures the calls to Signicat's Authentication REST API.
	Signicat signicat.Config

	// RedirectURL is the URL to which itsme redirects a browser. It must be allow-listed in the Signicat
	// Dashboard and be on PublicURL's origin. Default PublicURL + Path + /callback.
	RedirectURL string

	// AppRedirectURLs lists the URLs to which itsme redirects apps: universal links or app links. Each is
	// allow-listed in the Signicat Dashboard and differs from RedirectURL. An app that names none gets the
	// first. Default PublicURL + Path + /app/callback.
	AppRedirectURLs []string

	// AppLinks names the apps that own AppRedirectURLs. Zero serves no file for phones.
	AppLinks AppLinkConfig

	// Attributes lists the attributes that the gateway requests, by Signicat's names. Required, at least one.
	Attributes []string

	// LoA is the level of assurance that the gateway requests of Signicat and checks in its answer. Zero
	// requests none and accepts every level that Signicat names.
	LoA signicat.LoA

	// Language is the language of itsme and of the pages for clients that send no parameter language: nl, fr,
	// de or en. Zero follows the Accept-Language of the request.
	Language string

	// SessionLifetime bounds the time in which a user finishes a login, in whole seconds. Default
	// [DefaultSessionLifetime], from [MinSessionLifetime] to [MaxSessionLifetime].
	SessionLifetime time.Duration

	// Token configures the tokens that the gateway issues.
	Token TokenConfig

	// Cookie configures a browser's login.
	Cookie CookieConfig

	// Limit bounds what clients can make the gateway do.
	Limit LimitConfig

	// Page replaces the look and the words of the pages. Zero keeps both.
	Page PageConfig

	// Verify lists the addresses and ranges of the proxies that may call /verify. The gateway compares them
	// with the connection's own address. Default none: then there is no /verify.
	Verify []string

	// Store keeps pending sessions, counters and revocations. The caller closes it.
	Store store.Store

	// Proofs remembers the DPoP proofs that were used. Gateways that replace each other share one. Nil makes a new one.
	Proofs *ProofMemory

	// Keys holds the signing keys. While it is empty the gateway answers 503.
	Keys *token.Keys

	// Replica names this process in logs, such as the host's name. Zero writes no name.
	Replica string

	// Instance is the value of the header [InstanceHeader] in responses of /health/ready. Give gateways that
	// replace each other the same value. Zero makes a random one.
	Instance string

	// Logger receives one line for each login, and failures. Nil discards all lines.
	Logger *slog.Logger

	// Observe receives callbacks for metrics and events. Nil fields are ignored.
	Observe Observer

	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// TokenConfig configures the tokens that the gateway issues.
type TokenConfig struct {
	// Issuer is the iss claim. Discovery documents are at the issuer's well-known URLs. Default PublicURL.
	Issuer string
	// Audience is the aud claim. One audience is recommended. Default PublicURL.
	Audience []string
	// Lifetime of an access token, in whole seconds. Default [DefaultTokenLifetime], from
	// [MinTokenLifetime] to [MaxTokenLifetime].
	Lifetime time.Duration
	// Refresh bounds the time in which a login may be refreshed without itsme, in whole seconds, longer than
	// Lifetime and at most [MaxRefresh]. After that the user logs in again. Zero, the default, issues no
	// refresh tokens, and browsers log in again at the end of the cookie.
	Refresh time.Duration
	// DPoP says whether apps bind their logins to a key (RFC 9449). Default [DPoPOptional].
	DPoP DPoPMode
	// DPoPNonce demands a nonce of the gateway in every proof, so that a proof passes for at most 5 minutes by the
	// gateway's clock. Zero demands one only of a client whose clock is wrong.
	DPoPNonce bool
	// Claims lists the attribute claims in the token, by OpenID Connect's names. Default: the claim of every
	// requested attribute, without the sensitive ones (see [attribute.Attribute]), which must be named. With
	// dateOfBirth among the attributes, age_over_<n> says whether the user completed n years, 1 to 130.
	Claims []string
	// Encrypted says that apps get access tokens that only the gateway reads. Upstreams get signed ones. Default
	// false: apps get signed tokens. A browser's cookie is always encrypted.
	Encrypted bool
}

// CookieConfig configures a browser's login.
type CookieConfig struct {
	// Name is the base name of the cookies: letters, digits, - and _, at most 40. Default
	// [DefaultCookieName].
	Name string
	// Lifetime of a browser's login, in whole seconds. Default [DefaultCookieLifetime], from
	// [MinTokenLifetime] to [MaxCookieLifetime].
	Lifetime time.Duration
}

// LimitConfig bounds what clients can make the gateway do. Numbers are 1 or more and windows 1 s to 24 h.
// Zero takes the default.
//
// A client is an IPv4 address or an IPv6 /64. All clients of an IPv6 /48 together may start sessions, request
// tokens and hold long polls like 16 clients.
type LimitConfig struct {
	// SessionsPerClient bounds the sessions that one client may start in SessionsWindow. Default
	// [DefaultSessionsPerClient].
	SessionsPerClient int
	// SessionsWindow is the window of SessionsPerClient. Default [DefaultSessionsWindow].
	SessionsWindow time.Duration
	// AllSessions bounds the sessions that all clients together may start in AllSessionsWindow. Zero, the
	// default, sets no such limit: a flood that reaches it stops the starts of all clients.
	AllSessions int
	// AllSessionsWindow is the window of AllSessions. Default [DefaultAllSessionsWindow].
	AllSessionsWindow time.Duration
	// TokenPerClient bounds the requests to /token and /revoke that one client may make at once. One more is
	// allowed every TokenWindow/TokenPerClient. Default [DefaultTokenPerClient].
	TokenPerClient int
	// TokenWindow is the window of TokenPerClient. Default [DefaultTokenWindow].
	TokenWindow time.Duration
	// Pending bounds the pending sessions of all clients together. Default [DefaultPending].
	Pending int
	// PendingPerClient bounds the pending sessions of one client. Default
	// [DefaultPendingPerClient].
	PendingPerClient int
	// LongPollsPerClient bounds the long polls that one client holds at once. The gateway answers one more at
	// once, without waiting. Default [DefaultLongPollsPerClient].
	LongPollsPerClient int
	// StatusReads bounds the reads of Signicat that all waiting clients together may cause in StatusWindow.
	// Clients take turns. Default [DefaultStatusReads].
	StatusReads int
	// StatusWindow is the window of StatusReads. Default [DefaultStatusWindow].
	StatusWindow time.Duration
}

// WithDefaults returns the configuration with its defaults filled in.
func (c Config) WithDefaults() Config {
	c.Name = cmp.Or(c.Name, "default")
	c.Path = cmp.Or(c.Path, DefaultPath)
	c.RedirectURL = cmp.Or(c.RedirectURL, c.PublicURL+c.Path+"/callback")
	if len(c.AppRedirectURLs) == 0 {
		c.AppRedirectURLs = []string{c.PublicURL + c.Path + "/app/callback"}
	}
	c.SessionLifetime = cmp.Or(c.SessionLifetime, DefaultSessionLifetime)
	c.Token = c.Token.withDefaults(c.PublicURL, c.Attributes)
	c.Cookie.Name = cmp.Or(c.Cookie.Name, DefaultCookieName)
	c.Cookie.Lifetime = cmp.Or(c.Cookie.Lifetime, DefaultCookieLifetime)
	c.Limit = c.Limit.withDefaults()
	c.Observe = c.Observe.withDefaults()
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Proofs == nil {
		c.Proofs = NewProofMemory()
	}
	return c
}

func (t TokenConfig) withDefaults(publicURL string, attributes []string) TokenConfig {
	t.Issuer = cmp.Or(t.Issuer, publicURL)
	if len(t.Audience) == 0 {
		t.Audience = []string{publicURL}
	}
	t.Lifetime = cmp.Or(t.Lifetime, DefaultTokenLifetime)
	t.DPoP = cmp.Or(t.DPoP, DPoPOptional)
	if t.Claims == nil {
		t.Claims = attribute.DefaultClaims(attributes)
	}
	return t
}

func (l LimitConfig) withDefaults() LimitConfig {
	l.SessionsPerClient = cmp.Or(l.SessionsPerClient, DefaultSessionsPerClient)
	l.SessionsWindow = cmp.Or(l.SessionsWindow, DefaultSessionsWindow)
	if l.AllSessions != 0 {
		l.AllSessionsWindow = cmp.Or(l.AllSessionsWindow, DefaultAllSessionsWindow)
	}
	l.TokenPerClient = cmp.Or(l.TokenPerClient, DefaultTokenPerClient)
	l.TokenWindow = cmp.Or(l.TokenWindow, DefaultTokenWindow)
	l.Pending = cmp.Or(l.Pending, DefaultPending)
	l.PendingPerClient = cmp.Or(l.PendingPerClient, DefaultPendingPerClient)
	l.LongPollsPerClient = cmp.Or(l.LongPollsPerClient, DefaultLongPollsPerClient)
	l.StatusReads = cmp.Or(l.StatusReads, DefaultStatusReads)
	l.StatusWindow = cmp.Or(l.StatusWindow, DefaultStatusWindow)
	return l
}
