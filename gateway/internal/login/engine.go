// Package login takes logins from their start to a token, and refreshes, renews and revokes what
// was issued.
//
// Its callers bring what a request says: it knows nothing of HTTP. Of any number of calls for one
// login, on any replica, one does the work; the store's compare-and-set decides which.
package login

import (
	"context"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Engine takes logins from their start to a token. Make one with [New]; it is safe for concurrent use.
type Engine struct {
	config   *Config
	signicat *breaker
	driver   *driver
	issuer   *issuer
	revoker  *revoker

	starts      singleflight.Group
	startLog    storeLog
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

// EndLongPolls answers all waiting status requests at once, and those that come later.
func (e *Engine) EndLongPolls() { e.stop() }

// Close ends every wait, and waits itself for the finishes and cancels under way; each has a
// deadline, so that this takes less than [Lease]. It does not close the store.
func (e *Engine) Close() error {
	e.stop()
	e.statusPolls.close()
	e.driver.work.close()
	return e.signicat.Close()
}

// Breaker is the state of the circuit breaker before Signicat.
func (e *Engine) Breaker() string { return e.signicat.state() }

// ready reports whether there are keys to sign and verify with.
func (e *Engine) ready() bool { return e.config.Keys.KeySet() != nil }

// Refresh exchanges an app's refresh token. Of any number of uses at once all get the same
// successor and the same access token.
func (e *Engine) Refresh(ctx context.Context, raw string) (Refreshed, error) {
	return e.issuer.refresh(ctx, raw)
}

// LatestRefreshToken returns the refresh token of a login that no app has used yet. A repeated finish
// gets it too: an older one would look like a copy. It is empty when the login cannot be refreshed.
func (e *Engine) LatestRefreshToken(ctx context.Context, tokenID string) (string, error) {
	return e.issuer.latestRefreshToken(ctx, tokenID)
}

// Renew renews a browser's cookie in the second half of its life, as long as the login may be
// refreshed, and finds copies of old cookies. It returns ErrGrant for a login that is over, and
// ErrReused for one that should be. For an answer that can set no cookie it renews none.
func (e *Engine) Renew(ctx context.Context, c SessionCookie, settable bool) (RenewedCookie, error) {
	return e.issuer.renew(ctx, c, settable)
}

// Revoke ends what a client presents (RFC 7009): an access token alone, or with a refresh token the
// whole login. A token that is unknown or no longer valid is no error.
func (e *Engine) Revoke(ctx context.Context, raw string) error {
	if !e.ready() {
		return ErrStarting
	}
	return e.revoker.revokePresented(ctx, raw)
}

// RevokeToken refuses one token by its jti. Many revocations of one login's tokens end the login.
func (e *Engine) RevokeToken(ctx context.Context, jti string) error {
	return e.revoker.revokeTokenID(ctx, jti)
}

// RevokeLogin ends the login that a jti belongs to. It returns how many refreshable logins it ended.
func (e *Engine) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	return e.revoker.revokeLogin(ctx, jti)
}

// RevokeSubject refuses everything that was issued to a subject before, and ends what is under way.
func (e *Engine) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	return e.revoker.revokeSubject(ctx, subject)
}

// EndLogin ends a login on every replica.
func (e *Engine) EndLogin(ctx context.Context, login, subject string) error {
	return e.revoker.endLogin(ctx, login, subject)
}
