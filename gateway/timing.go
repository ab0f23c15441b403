package gateway

import (
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// The times of a login. No configuration changes them.
const (
	// CodeLifetime bounds the age of a code, from its first presentation with the binding. Source: itsme's
	// authorization codes live three minutes, https://belgianmobileid.github.io/doc/authentication/.
	CodeLifetime = login.CodeLifetime
	// SuccessWindow bounds the time from the acceptance of a code to the SUCCESS of its session. So a 2xx
	// that a proxy made up for a wrong code is of no use later.
	SuccessWindow = login.SuccessWindow
	// FinishWait bounds the time that one call waits for a login to finish. The next call continues.
	FinishWait = login.FinishWait
	// Lease is the time in which only one call may finish a login.
	Lease = login.Lease
	// PollInterval is the time after which a client should ask again.
	PollInterval = login.PollInterval
	// MaxWait bounds a long poll of a session's status.
	MaxWait = login.MaxWait
)

// The states of [Gateway.Breaker].
const (
	// BreakerClosed: every call is made.
	BreakerClosed = login.BreakerClosed
	// BreakerHalfOpen: the next start or read of a status is made. Its result closes or opens the breaker.
	BreakerHalfOpen = login.BreakerHalfOpen
	// BreakerOpen: starts are refused, statuses come from the store alone, and cancels are left to the
	// session's expiry. Logins whose code came back continue.
	BreakerOpen = login.BreakerOpen
)

// SessionID returns the session_id of a state: base64url(SHA-256(state)). It reveals nothing of the state, so
// URLs may hold it.
func SessionID(state string) string { return login.SessionID(state) }

// ClockAhead returns how far this machine's clock was ahead of Signicat's at Signicat's last answer. known is
// false before the first answer.
func (g *Gateway) ClockAhead() (ahead time.Duration, known bool) { return g.clock.watch.Ahead() }

// signicatClock compares this machine's clock with Signicat's. It logs when they differ by more than
// [token.Skew], and when they agree again.
type signicatClock struct {
	log   *slog.Logger
	watch clockwatch.Watch
}

func (c *signicatClock) note(ahead time.Duration) {
	attrs := []any{slog.Float64("ahead_seconds", ahead.Seconds()), slog.Float64("limit_seconds", token.Skew.Seconds())}
	switch off, changed := c.watch.Note(ahead, token.Skew); {
	case off && changed:
		c.log.Warn("this machine's clock differs from Signicat's", attrs...)
	case changed:
		c.log.Info("this machine's clock agrees with Signicat's again", attrs...)
	}
}

// maxUnknownStatuses bounds the statuses that a gateway remembers and logs.
const maxUnknownStatuses = 16

// unknownStatuses logs each session status that Signicat's API did not name when this version was made, once.
// Such a login goes on: the gateway reads its session again.
type unknownStatuses struct {
	log *slog.Logger

	mu   sync.Mutex
	seen map[signicat.Status]bool
}

func (u *unknownStatuses) note(status signicat.Status) {
	u.mu.Lock()
	first := !u.seen[status] && len(u.seen) < maxUnknownStatuses
	if first {
		if u.seen == nil {
			u.seen = make(map[signicat.Status]bool)
		}
		u.seen[status] = true
	}
	u.mu.Unlock()
	if first {
		u.log.Warn("Signicat sent a session status that this version does not know; the gateway goes on reading the session",
			slog.String("session_status", string(status)))
	}
}
