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
	config   *Config
	signicat *breaker
	driver   *driver
	issuer   *issuer
	revoker  *revoker

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

// EndLongPolls answers all waiting status requests at once, and all later ones.
func (e *Engine) EndLongPolls() { e.stop() }

// Close stops the engine. It waits for finishes and cancels under way, which takes less than [Lease]. It does
// not close the store.
func (e *Engine) Close() error {
	e.stop()
	e.statusPolls.close()
	e.driver.work.close()
	return e.signicat.Close()
}

// Breaker returns the state of the circuit breaker for calls to Signicat.
func (e *Engine) Breaker() string { return e.signicat.state() }

// ready reports whether there are keys to sign and verify with.
func (e *Engine) ready() bool { return e.config.Keys.KeySet() != nil }

// Refresh exchanges an app's refresh token. All concurrent uses of one token get the same successor and the
// same access token.
func (e *Engine) Refresh(ctx context.Context, raw string) (Refreshed, error) {
	return e.issuer.refresh(ctx, raw)
}

// LatestRefreshToken returns the newest refresh token of a login, which no app has used yet. A repeated
// finish returns it too: an older one would look like a stolen copy. It is empty for a login without refresh.
func (e *Engine) LatestRefreshToken(ctx context.Context, tokenID string) (string, error) {
	return e.issuer.latestRefreshToken(ctx, tokenID)
}

// Renew renews a browser's cookie in the second half of its life, while the login may be refreshed, and
// detects copies of old cookies. It returns ErrGrant for a login that ended, and ErrReused when it detected a
// copy but could not end the login. settable is false for an answer that can set no cookie: then it renews
// none.
func (e *Engine) Renew(ctx context.Context, c SessionCookie, settable bool) (RenewedCookie, error) {
	return e.issuer.renew(ctx, c, settable)
}

// Revoke revokes the token that a client sends (RFC 7009): an access token alone, or with a refresh token the
// whole login. A token that is unknown or no longer valid is not an error.
func (e *Engine) Revoke(ctx context.Context, raw string) error {
	if !e.ready() {
		return ErrStarting
	}
	return e.revoker.revokePresented(ctx, raw)
}

// RevokeToken revokes one token by its jti. Past a number of revocations in one login, it ends the login.
func (e *Engine) RevokeToken(ctx context.Context, jti string) error {
	return e.revoker.revokeTokenID(ctx, jti)
}

// RevokeLogin ends the login that a jti belongs to. It returns the number of refreshable logins that it
// ended.
func (e *Engine) RevokeLogin(ctx context.Context, jti string) (logins int, err error) {
	return e.revoker.revokeLogin(ctx, jti)
}

// RevokeSubject revokes all tokens that were issued to a subject before, and ends logins under way.
func (e *Engine) RevokeSubject(ctx context.Context, subject string) (logins int, err error) {
	return e.revoker.revokeSubject(ctx, subject)
}

// EndLogin ends a login on every replica.
func (e *Engine) EndLogin(ctx context.Context, loginID, subject string) error {
	return e.revoker.endLogin(ctx, loginID, subject)
}
