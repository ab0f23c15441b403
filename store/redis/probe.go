package redis

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/rueidis"
)

const (
	// probeInterval is how often Redis is asked whether it takes writes: nothing else may write for hours.
	probeInterval = 5 * time.Second
	// failingInterval is how often it is asked while it does not.
	failingInterval = time.Second
)

// probeUntilClosed asks again and again whether Redis takes writes, until the store is closed.
func (c *connection) probeUntilClosed() {
	for c.alive.Err() == nil {
		if c.client.Load() != nil {
			c.probeWrites(c.alive)
		}
		c.awaitProbe()
	}
}

// awaitProbe waits until the next probe is due. A refusal that changes nothing does not hasten it.
func (c *connection) awaitProbe() {
	pause, hasten := probeInterval, c.writes.probe
	if !c.Writable() {
		pause, hasten = failingInterval, nil
	}
	due := time.NewTimer(pause)
	defer due.Stop()
	select {
	case <-due.C:
	case <-hasten:
	case <-c.alive.Done():
	}
}

// probeWrites sends a write to every part of the store that another server may have, which changes
// nothing: a value is set if there is one already. Servers refuse it as they refuse any write.
func (c *connection) probeWrites(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	client := *c.client.Load()
	var writes []rueidis.Completed
	for _, key := range c.keys.probes() {
		writes = append(writes, client.B().Set().Key(key).Value("").Xx().Build())
	}
	answered := true
	for _, result := range client.DoMulti(limited, writes...) {
		if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
			c.noteRefusal(err)
			answered = false
		}
	}
	if answered && c.writes.clear() {
		c.config.Logger.Info("Redis takes writes again", slog.String("prefix", c.config.Prefix))
	}
}
