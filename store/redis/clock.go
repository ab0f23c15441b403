package redis

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// ClockAhead returns how far this machine's clock is ahead of Redis', by the last answer that held its
// time. It is not known before the first one.
func (c *connection) ClockAhead() (ahead time.Duration, known bool) { return c.clock.Ahead() }

// serverNow is the server's time, as far as it is known.
func (c *connection) serverNow() time.Time {
	ahead, _ := c.clock.Ahead()
	return c.config.Now().Add(-ahead)
}

// askTime compares the clocks. It loads a record that there never is, with which its server's time comes. A plain TIME could
// go to a standby of a Cluster, also to a dead one.
func (c *connection) askTime(ctx context.Context) error {
	_, _, err := c.fetch(ctx, "asking for the time", eval(c.scripts.load, []string{c.keys.record("")}))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// readTime reads what TIME answered in a script that was called at asked, and compares the clocks.
func (c *connection) readTime(asked time.Time, seconds, micros string) (time.Time, error) {
	there, err := serverTime(seconds, micros)
	if err != nil {
		return time.Time{}, err
	}
	answered := c.config.Now()
	c.noteClock(asked.Add(answered.Sub(asked) / 2).Sub(there)) // half of the way is as good a guess as any
	return there, nil
}

// serverTime reads what TIME answers.
func serverTime(seconds, micros string) (time.Time, error) {
	whole, err := strconv.ParseInt(seconds, 10, 64)
	part, bad := strconv.ParseInt(micros, 10, 64)
	if err != nil || bad != nil {
		return time.Time{}, errMalformed
	}
	return time.Unix(whole, part*int64(time.Microsecond)).UTC(), nil
}

// noteClock logs when the clocks differ by more than Config.MaxClockOffset, and when they agree again.
func (c *connection) noteClock(ahead time.Duration) {
	limit := c.config.MaxClockOffset
	attrs := []any{
		slog.String("prefix", c.config.Prefix),
		slog.Float64("ahead_seconds", ahead.Seconds()), slog.Float64("limit_seconds", limit.Seconds()),
	}
	log := c.config.Logger
	switch off, changed := c.clock.Note(ahead, limit); {
	case off && changed:
		log.Warn("this machine's clock differs from Redis'", attrs...)
	case changed:
		log.Info("this machine's clock agrees with Redis' again", attrs...)
	}
}
