package gateway

import (
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

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
