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
			_ = c.probeWrites(c.alive) // what is refused is noted and logged
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

// CheckWrites asks every server whether it takes writes. It returns an error with the cause for [CauseOf]
// when one refuses, and [store.ErrUnavailable] when it cannot ask.
func (c *connection) CheckWrites(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	return c.probeWrites(ctx)
}

// probeWrites sends a write to every part of the store that another server may have, which changes
// nothing: a value is set if there is one already. Servers refuse it as they refuse any write. The slots of
// revocations need no probe of their own: 256 shards reach every node of a Cluster that has its share of slots,
// and a node refuses for all of its slots alike. Each cause counts once.
func (c *connection) probeWrites(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	client := *c.client.Load()
	keys := c.keys.probes()
	if len(client.Nodes()) == 1 { // it has every shard
		keys = keys[:1]
	}
	var writes []rueidis.Completed
	for _, key := range keys {
		writes = append(writes, client.B().Set().Key(key).Value("").Xx().Build())
	}
	var refused error
	counted := make(map[Cause]bool)
	for _, result := range client.DoMulti(limited, writes...) {
		err := result.Error()
		cause, _ := causeOf(err)
		if err == nil || rueidis.IsRedisNil(err) || cause != "" && counted[cause] {
			continue
		}
		counted[cause] = true
		refused = c.unavailable(ctx, "asking whether Redis takes writes", err)
	}
	if refused == nil && c.writes.clear() {
		c.config.Logger.Info("Redis takes writes again", slog.String("prefix", c.config.Prefix))
	}
	return refused
}
