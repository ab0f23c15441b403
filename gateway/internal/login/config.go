package login

import (
	"log/slog"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Config describes an [Engine]. Every field is required but those that say what zero means.
type Config struct {
	// Signicat makes the calls. [Engine.Close] closes it.
	Signicat *signicat.Client
	// AccountID is the Signicat account that sessions must belong to. Zero accepts any.
	AccountID string
	// Simulated accepts a link to itsme over http on a loopback host: Signicat is a simulator.
	Simulated bool

	// Store keeps the logins. Its owner closes it.
	Store store.Store
	// Authority signs and verifies the tokens.
	Authority *token.Authority
	// Keys are those of Authority. While there are none no login starts.
	Keys *token.Keys

	// Attributes are asked of Signicat, by Signicat's names.
	Attributes []string
	// Claims are the attribute claims of a token.
	Claims []string
	// LoA is asked of Signicat, and checked in its answer. Zero asks for none.
	LoA signicat.LoA
	// SessionLifetime is how long a user has to finish.
	SessionLifetime time.Duration
	// AccessLifetime is how long an app's access token is valid.
	AccessLifetime time.Duration
	// CookieLifetime is how long a browser's session token is valid.
	CookieLifetime time.Duration
	// Refresh is how long a login may be refreshed. Zero: never.
	Refresh time.Duration
	// Limits bound what clients can cause.
	Limits Limits

	// Logger receives one line a login, and what goes wrong.
	Logger *slog.Logger
	// Observe receives callbacks for metrics and events.
	Observe Observer
	// Now is the clock.
	Now func() time.Time
}

// Limits bound what clients can cause. Their fields are those of gateway.LimitConfig, which documents and
// validates them.
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

// Observer receives callbacks for metrics and events. They return at once and do no I/O. A step of a
// login is reported once, by the replica that made it.
type Observer struct {
	// Started: the user can open itsme.
	Started func(*store.Record)
	// Unstarted: a start failed, or was refused for a limit.
	Unstarted func(store.Kind, error)
	// Returned: a code came back, with the verifier or cookie of the login.
	Returned func(*store.Record)
	// Validated: Signicat accepted the code.
	Validated func(*store.Record)
	// Ended: the login is over, with a token or without one.
	Ended func(*store.Record)
	// Retry receives the operation of a call to Signicat that is made again.
	Retry func(operation string)
	// Revocation receives what is refused from now on.
	Revocation func(store.Revocation)
}
