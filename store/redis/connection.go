package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/store/redis/internal/seal"
)

// connection runs commands at Redis, for every role of a [Store].
type connection struct {
	config     Config
	sealer     *seal.Sealer
	identified atomic.Bool // the key of names is known
	keys       keys
	scripts    scripts

	freshness *freshness
	writes    *writeState
	dialer    *dialer
	clock     clockwatch.Watch
	client    atomic.Pointer[rueidis.Client] // nil until connected
	turns     turns

	alive  context.Context // ends with the store
	cancel context.CancelFunc

	mu      sync.Mutex
	started bool
	closed  atomic.Bool
	tends   atomic.Bool
	loop    func() // connects and syncs until alive ends
	tend    func() // seals anew until alive ends; nil where there is one secret
	tasks   sync.WaitGroup
	newer   sync.Map // the texts of [store.ErrNewer] that were logged
}

// Start begins to connect, in the background. The first call does so too; started
// before it, the store is ready for the first request. It never fails.
//
// A store that was started tends what replicas share: it puts up the canary by which they find out that their
// secrets differ, and seals values anew when the secret changes. One that was not, such as a command's, leaves
// both to them.
func (c *connection) Start() {
	if c.tends.Swap(true) {
		return
	}
	c.begin()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tend != nil && !c.closed.Load() {
		c.tasks.Go(c.tend)
	}
}

// begin begins to connect.
func (c *connection) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started || c.closed.Load() {
		return
	}
	c.started = true
	c.tasks.Go(c.loop)
	c.tasks.Go(c.probeUntilClosed)
}

func (c *connection) close() {
	c.cancel()
	c.tasks.Wait()
	if client := c.client.Load(); client != nil {
		(*client).Close()
	}
	c.dialer.close()
}

// ready refuses a call whose context is done, every call after Close, and every call
// while Redis is unavailable.
// It comes before the first name of a call: the key of names is in the canary.
func (c *connection) ready(ctx context.Context) error {
	return c.readyWithin(ctx, store.MaxStaleness)
}

// readyWithin does so, but goes on while the copy of the revocations is no older than the bound.
func (c *connection) readyWithin(ctx context.Context, bound time.Duration) error {
	if c.closed.Load() {
		return fmt.Errorf("%w: closed", store.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.freshness.within(bound) {
		return nil
	}
	c.begin()
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.unavailable(ctx, "waiting for Redis", c.freshness.await(limited, bound))
}

// command is one thing to do with Redis.
type command struct {
	name   string // as Redis has it
	script string // that it runs; empty for none
	run    func(context.Context, rueidis.Client) rueidis.RedisResult
}

// eval returns the command that runs a script.
func eval(s script, keys []string, args ...string) command {
	return command{"EVALSHA", s.name, func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return s.lua.Exec(ctx, client, keys, args)
	}}
}

// plain returns a command that is no script.
func plain(name string, build func(rueidis.Builder) rueidis.Completed) command {
	return command{name: name, run: func(ctx context.Context, client rueidis.Client) rueidis.RedisResult {
		return client.Do(ctx, build(client.B()))
	}}
}

// call does one thing with Redis, unless it is unavailable.
func (c *connection) call(ctx context.Context, doing string, do command) (rueidis.RedisMessage, error) {
	if err := c.ready(ctx); err != nil {
		return rueidis.RedisMessage{}, err
	}
	return c.try(ctx, doing, do)
}

// try does one thing with Redis, within the time that a call has. A nil of Redis is no
// error.
func (c *connection) try(ctx context.Context, doing string, do command) (got rueidis.RedisMessage, err error) {
	ctx, traced := c.startSpan(ctx, do)
	defer func() { endSpan(traced, err) }()
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	got, err = do.run(limited, *c.client.Load()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return rueidis.RedisMessage{}, c.unavailable(ctx, doing, err)
	}
	return got, nil
}

// tryAll does several things with a primary in one round trip. It returns the answers, or the first error.
func (c *connection) tryAll(ctx context.Context, doing string, commands func(rueidis.Builder) []rueidis.Completed) ([]rueidis.RedisMessage, error) {
	limited, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	client := c.primary()
	results := client.DoMulti(limited, commands(client.B())...)
	answers := make([]rueidis.RedisMessage, len(results))
	for i, result := range results {
		answer, err := result.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, c.unavailable(ctx, doing, err)
		}
		answers[i] = answer
	}
	return answers, nil
}

// fetch returns what a script finds, and when that was by the server's clock, or ErrNotFound.
func (c *connection) fetch(ctx context.Context, doing string, script command) (held string, readAt time.Time, err error) {
	asked := c.config.Now()
	got, err := c.call(ctx, doing, script)
	if err != nil {
		return "", time.Time{}, err
	}
	fields, err := got.AsStrSlice()
	if err != nil || len(fields) < 2 {
		return "", time.Time{}, c.unavailable(ctx, doing, errMalformed)
	}
	readAt, err = c.readTime(asked, fields[0], fields[1])
	switch {
	case err != nil:
		return "", time.Time{}, c.unavailable(ctx, doing, err)
	case len(fields) == 2:
		return "", time.Time{}, store.ErrNotFound
	}
	return fields[2], readAt, nil
}

// settle runs a script that keeps something or says why it does not.
func (c *connection) settle(ctx context.Context, doing string, script command) error {
	got, err := c.call(ctx, doing, script)
	if err != nil {
		return err
	}
	reply, err := got.ToString()
	if err != nil {
		return c.unavailable(ctx, doing, err)
	}
	return verdict(reply)
}

// unavailable makes an error of the store out of one of the client: the context's,
// when it is done, and else ErrUnavailable. The cause is in it as text: that a call's
// own time was over must not look like the caller's.
func (c *connection) unavailable(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrNewer):
		c.warnNewer(err)
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, store.ErrUnavailable):
		return err
	case errors.Is(err, ErrUnreadable):
		return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
	}
	if refused := c.noteRefusal(err); refused != nil {
		return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, refused)
	}
	return fmt.Errorf("%s: %w: %s", doing, store.ErrUnavailable, c.redacted(c.explain(err)))
}

// warnNewer logs that a newer release stored something that this one must leave alone, once for each
// word in its needs.
func (c *connection) warnNewer(err error) {
	if _, logged := c.newer.LoadOrStore(err.Error(), true); !logged {
		c.config.Logger.Warn("Redis holds logins that this release cannot handle; they are answered with 503: upgrade this replica",
			slog.String("prefix", c.config.Prefix), slog.String("error", err.Error()))
	}
}

// redacted is an error's text without secrets. A server answers a command
// that it does not know with the arguments, and a password is one of HELLO's.
func (c *connection) redacted(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", with args")
	for _, password := range c.config.passwords() {
		text = strings.ReplaceAll(text, password, "***")
	}
	return text
}
