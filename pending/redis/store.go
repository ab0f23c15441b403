package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/caddy-itsme/caddy-itsme/internal/clockwatch"
	"github.com/caddy-itsme/caddy-itsme/pending"
)

// Store is a [pending.Store] in Redis. Its zero value is not usable: see [Open].
type Store struct {
	config  Config
	sealer  *sealer
	keys    keys
	scripts scripts

	revoked pending.Revocations  // the copy of the list
	list    list                 // belongs to keepUp
	read    atomic.Pointer[list] // a copy of it, for Mark
	pulse   *pulse
	clock   clockwatch.Watch
	conns   *conns
	client  atomic.Pointer[rueidis.Client] // nil until connected

	alive  context.Context // ends with Close
	cancel context.CancelFunc
	finish func()

	mu      sync.Mutex
	started bool
	closed  atomic.Bool
	tasks   sync.WaitGroup
}

var _ pending.Store = (*Store)(nil)

// Open returns the store that a configuration describes, or [ErrConfig]. It does no
// I/O and starts no goroutine: [Store.Start], or else the first call, does both. A
// server that is away is no error. Close ends what was started.
func Open(c Config) (*Store, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(c.Secret, c.Prefix)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config:  c,
		sealer:  sealer,
		keys:    newKeys(c.Prefix),
		scripts: newScripts(),
		pulse:   newPulse(),
	}
	s.read.Store(new(list))
	s.config.Secret = nil // the sealer has what it needs
	s.alive, s.cancel = context.WithCancel(context.Background())
	s.conns = newConns(s.alive, c)
	s.finish = sync.OnceFunc(s.end)
	return s, nil
}

// Start begins to connect, in the background. The first call does so too; started
// before it, the store is ready for the first request. It never fails.
func (s *Store) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.closed.Load() {
		return
	}
	s.started = true
	s.tasks.Go(s.keepUp)
}

// Close implements [pending.Store]. With a server that hangs it can take a few times
// as long as a call may.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed.Store(true)
	s.mu.Unlock()
	s.finish()
	return nil
}

func (s *Store) end() {
	s.cancel()
	s.tasks.Wait()
	if client := s.client.Load(); client != nil {
		(*client).Close()
	}
	s.conns.close()
}

// ready refuses a call whose context is done, every call after Close, and every call
// while Redis is away.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("%w: closed", pending.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.pulse.fresh() {
		return nil
	}
	s.Start()
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return s.unavailable(ctx, "waiting for Redis", s.pulse.await(limited))
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

// call does one thing with Redis, unless it is away.
func (s *Store) call(ctx context.Context, doing string, do command) (rueidis.RedisMessage, error) {
	if err := s.ready(ctx); err != nil {
		return rueidis.RedisMessage{}, err
	}
	return s.try(ctx, doing, do)
}

// try does one thing with Redis, within the time that a call has. A nil of Redis is no
// error.
func (s *Store) try(ctx context.Context, doing string, do command) (got rueidis.RedisMessage, err error) {
	ctx, traced := s.startSpan(ctx, do)
	defer func() { endSpan(traced, err) }()
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	got, err = do.run(limited, *s.client.Load()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return rueidis.RedisMessage{}, s.unavailable(ctx, doing, err)
	}
	return got, nil
}

// unavailable makes an error of the store out of one of the client: the context's,
// when it is done, and else ErrUnavailable. The cause is told as text: that a call's
// own time was over must not look like the caller's.
func (s *Store) unavailable(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, pending.ErrUnavailable):
		return err
	case errors.Is(err, ErrUnreadable):
		return fmt.Errorf("%s: %w: %w", doing, pending.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w: %s", doing, pending.ErrUnavailable, s.plain(err))
}

// plain is an error's text without what it must not tell. A server answers a command
// that it does not know with the arguments, and a password is one of HELLO's.
func (s *Store) plain(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", with args")
	if s.config.Password != "" {
		text = strings.ReplaceAll(text, s.config.Password, "***")
	}
	return text
}
