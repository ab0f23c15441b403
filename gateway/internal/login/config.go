package login

import (
	"log/slog"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Config configures an [Engine]. Every field is required, except where its comment says what zero means.
type Config struct {
	// Signicat makes the calls. [Engine.Close] closes it.
	Signicat *signicat.Client
	// AccountID is the Signicat account of all sessions. Zero accepts any.
	AccountID string
	// Simulated says that Signicat is a simulator. Links to itsme may then use http on a loopback host.
	Simulated bool

	// Store keeps the logins. Its owner closes it.
	Store store.Store
	// Authority signs and verifies the tokens.
	Authority *token.Authority
	// Keys holds the keys of Authority. While it is empty no login starts.
	Keys *token.Keys

	// Attributes lists the attributes to request, by Signicat's names.
	Attributes []string
	// Claims lists the attribute claims of a token.
	Claims []string
	// Encrypted says that the Authority encrypts access tokens.
	Encrypted bool
	// LoA is the level of assurance to request and to check. Zero requests none.
	LoA signicat.LoA
	// SessionLifetime bounds the time in which a user finishes a login.
	SessionLifetime time.Duration
	// AccessLifetime is the lifetime of an app's access token.
	AccessLifetime time.Duration
	// CookieLifetime is the lifetime of a browser's session token.
	CookieLifetime time.Duration
	// Refresh bounds the time in which a login may be refreshed. Zero allows no refresh.
	Refresh time.Duration
	// KeyRequired refuses apps that show no proof of a key (RFC 9449). Zero accepts them.
	KeyRequired bool
	// Limits bounds what clients can cause.
	Limits Limits

	// Logger receives one line for each login, and failures.
	Logger *slog.Logger
	// Observe receives callbacks for metrics and events.
	Observe Observer
	// Now is the clock.
	Now func() time.Time
}

// Limits bounds what clients can cause. gateway.LimitConfig documents and validates the fields.
type Limits struct {
	SessionsPerClient  int
	SessionsWindow     time.Duration
	AllSessions        int
	AllSessionsWindow  time.Duration
	TokenPerClient     int
	TokenWindow        time.Duration
	Pending            int
	PendingPerClient   int
	LongPollsPerClient int
	StatusReads        int
	StatusWindow       time.Duration
}

// Observer receives callbacks for metrics and events. They return at once and do no I/O. The replica that
// makes a step of a login reports it once.
type Observer struct {
	// Started receives a login whose user can open itsme.
	Started func(*store.Record)
	// Unstarted receives a start that failed or reached a limit.
	Unstarted func(store.Kind, error)
	// Returned receives a login whose code came back with its verifier or cookie.
	Returned func(*store.Record)
	// Validated receives a login whose code Signicat accepted.
	Validated func(*store.Record)
	// Ended receives a login that ended, with or without a token.
	Ended func(*store.Record)
	// Retry receives the operation of a call to Signicat that is repeated.
	Retry func(operation string)
	// Revocation receives a revocation that the store took.
	Revocation func(store.Revocation)
}
