package gateway

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// engine takes logins from their start to a token, refreshes and ends them. Its callers bring what a
// request says; it knows nothing of HTTP.
type engine struct {
	config    Config
	signicat  *breaker
	store     pending.Store
	authority *token.Authority
	log       *slog.Logger
	observe   Observer
	now       func() time.Time

	storeAlarm storeAlarm

	changes changes
	starts  singleflight.Group
	reads   *reads

	work    tasks // finishes, reads and cancels that outlive their request
	closing context.Context
	stop    context.CancelFunc
	cancels chan struct{} // bounds the cancels under way
	polls   *longPolls
}

func newEngine(config Config, client *signicat.Client, store pending.Store, authority *token.Authority, log *slog.Logger) *engine {
	e := &engine{
		config:    config,
		store:     store,
		authority: authority,
		log:       log,
		observe:   config.Observe,
		now:       config.Now,
		cancels:   make(chan struct{}, maxCancels),
		polls:     newLongPolls(config.Limit.LongPollsPerClient),
	}
	e.signicat = newBreaker(client, e.now, e.log, e.observe.Retry)
	budget := rate.NewLimiter(rate.Limit(float64(config.Limit.StatusReads)/config.Limit.StatusWindow.Seconds()), config.Limit.StatusReads)
	e.reads = newReads(e.readStatus, e.signicat.wait, budget, config.Limit.Pending)
	e.closing, e.stop = context.WithCancel(context.Background())
	return e
}

// close ends every wait, and waits itself for the finishes and cancels under way; each has a
// deadline, so that this takes less than [Lease]. It does not close the store.
func (e *engine) close() error {
	e.stop()
	e.reads.close()
	e.work.close()
	return e.signicat.Close()
}

// started reports whether there are keys to sign and verify with.
func (e *engine) started() bool { return e.config.Keys.KeySet() != nil }
