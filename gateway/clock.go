package gateway

import (
	"log/slog"
	"time"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
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
