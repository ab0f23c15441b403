// Package login runs logins from their start to a token. It also refreshes, renews and revokes tokens.
//
// The package does not know HTTP: its callers read the requests. Of all calls for one login, on any replica,
// one does the work. The store's compare-and-set decides which.
package login

import (
	"context"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Engine runs logins. Make one with [New]. It is safe for concurrent use.
type Engine struct {
	*issuer  // Refresh, LatestRefreshToken, Renew
	*revoker // Revoke, RevokeToken, RevokeLogin, RevokeSubject, EndLogin

	config   *Config
	signicat *breaker
	driver   *driver

	starts      singleflight.Group
	startLog    startFailureLog
	polls       *longPolls
	statusPolls *statusPoll
	stop        context.CancelFunc
}

// New makes an engine. It does no I/O. The caller closes the engine.
func New(config Config) *Engine {
	calls := newBreaker(config.Signicat, config.Now, config.Logger, config.Observe.Retry)
	closing, stop := context.WithCancel(context.Background())
	revoker := &revoker{&config}
	e := &Engine{
		config:   &config,
		signicat: calls,
		driver:   &driver{config: &config, signicat: calls, closing: closing, cancels: make(chan struct{}, MaxCancels)},
		issuer:   &issuer{&config, revoker},
		revoker:  revoker,
		polls:    newLongPolls(config.Limits.LongPollsPerClient),
		stop:     stop,
	}
	limits := config.Limits
	budget := rate.NewLimiter(rate.Limit(float64(limits.StatusReads)/limits.StatusWindow.Seconds()), limits.StatusReads)
	e.statusPolls = newStatusPoll(e.readStatus, calls.wait, budget, limits.Pending)
	return e
}

// Close stops the engine. It waits for finishes and cancels under way, which takes less than [Lease]. It does
// not close the store.
func (e *Engine) Close() error {
	e.stop()
	e.statusPolls.close()
	e.driver.work.close()
	return e.config.Signicat.Close()
}

// Breaker returns the state of the circuit breaker for calls to Signicat.
func (e *Engine) Breaker() string { return e.signicat.state() }

// ready reports whether there are keys to sign and verify with.
func (e *Engine) ready() bool { return e.config.Keys.KeySet() != nil }
