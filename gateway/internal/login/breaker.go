package login

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// The states of [Engine.Breaker].
const (
	// BreakerClosed: every call is made.
	BreakerClosed = "closed"
	// BreakerHalfOpen: the next start or read of a status is made, and decides.
	BreakerHalfOpen = "half_open"
	// BreakerOpen: starts are refused, statuses are answered without asking Signicat, and cancels are
	// left to the session's expiry. Logins whose code came back go on.
	BreakerOpen = "open"
)

const (
	// breakerWindow is how far back calls count; breakerCalls must have been made, and half of all
	// must have failed.
	breakerWindow = 30 * time.Second
	breakerCalls  = 5
	breakerRate   = 0.5
	// breakerDelay is how long nothing is tried once the breaker is open.
	breakerDelay = 5 * time.Second
	// maxPause bounds how long starts wait when Signicat names a time (Retry-After).
	maxPause = time.Minute
	// A call that failed within fastFailure is made once more, after minRetryDelay to
	// maxRetryDelay: at random, so that what failed together does not come back together.
	fastFailure   = 2 * time.Second
	minRetryDelay = 100 * time.Millisecond
	maxRetryDelay = 500 * time.Millisecond
)

// breaker makes the calls to Signicat. While Signicat fails again and again, it makes no calls but
// those of logins whose code came back. Their codes live three minutes, and their calls show whether
// Signicat works again.
//
// It opens for faults of Signicat's, and for refused credentials, with which another call is as
// useless. Nothing that a client sends or leaves undone opens it. Its times are those of the real
// clock; Retry-After is counted by the gateway's.
type breaker struct {
	client  *signicat.Client
	circuit circuitbreaker.CircuitBreaker[*signicat.Session]
	now     func() time.Time
	retry   func(operation string) // is called when a call is made again

	mu     sync.Mutex
	paused time.Time // no calls before: Signicat sent Retry-After
}

func newBreaker(client *signicat.Client, now func() time.Time, log *slog.Logger, retry func(operation string)) *breaker {
	return &breaker{
		client: client,
		now:    now,
		retry:  retry,
		circuit: circuitbreaker.NewBuilder[*signicat.Session]().
			HandleIf(func(_ *signicat.Session, err error) bool { return unwell(err) }).
			WithFailureRateThreshold(breakerRate, breakerCalls, breakerWindow).
			WithSuccessThreshold(1).
			WithDelay(breakerDelay).
			OnStateChanged(func(e circuitbreaker.StateChangedEvent) { logBreaker(e.Context(), log, e.OldState, e.NewState) }).
			Build(),
	}
}

// logBreaker logs the begin of an outage once, and its end.
func logBreaker(ctx context.Context, log *slog.Logger, from, to circuitbreaker.State) {
	switch {
	case from == circuitbreaker.ClosedState && to == circuitbreaker.OpenState:
		log.WarnContext(ctx, "Signicat fails again and again: no login starts until it answers")
	case to == circuitbreaker.ClosedState:
		log.InfoContext(ctx, "Signicat answers again")
	}
}

// unwell reports whether a call failed for how Signicat is, or for who we are to it, and not for
// what the call was about.
func unwell(err error) bool {
	for _, sign := range []error{
		signicat.ErrUnavailable, signicat.ErrRateLimited, signicat.ErrInvalidResponse, signicat.ErrUnauthorized, signicat.ErrForbidden,
		signicat.ErrNotSignicat,
	} {
		if errors.Is(err, sign) {
			return true
		}
	}
	return false
}

func (b *breaker) state() string {
	switch {
	case b.wait() > 0:
		return BreakerOpen
	case b.circuit.IsClosed():
		return BreakerClosed
	}
	return BreakerHalfOpen
}

// wait returns how long no new call is made; zero when one may be.
func (b *breaker) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.circuit.RemainingDelay(), b.paused.Sub(b.now()), 0)
}

// ErrOpen is returned when a call was not made because the breaker is open.
var ErrOpen = errors.New("breaker open")

// refusal returns the error of a call that is not made now, nil when it may be.
func (b *breaker) refusal() error {
	if wait := b.wait(); wait > 0 {
		return retryAfter(ErrOpen, wait)
	}
	return nil
}

// startTimeout bounds a start: an access token, a session, and the store.
const startTimeout = 30 * time.Second

// CreateSession starts a session, unless the breaker is open. A call that failed fast is made
// once more: at worst Signicat has a second session that is never used, and it expires. A client that
// hangs up does not end the call, so that no client can make it look like a failure.
func (b *breaker) CreateSession(ctx context.Context, request signicat.SessionRequest) (*signicat.Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	return b.ifClosed(func() (*signicat.Session, error) {
		return b.retried(worthRepeating, func() (*signicat.Session, error) { return b.client.CreateSession(ctx, request) })
	})
}

// ReadStatus reads a session on behalf of who waits for it, unless the breaker is open.
func (b *breaker) ReadStatus(ctx context.Context, id string) (*signicat.Session, error) {
	return b.ifClosed(func() (*signicat.Session, error) { return b.client.Session(ctx, id) })
}

// CancelSession cancels a session while the breaker is closed. It is a courtesy, and no probe.
func (b *breaker) CancelSession(ctx context.Context, id string) error {
	if b.state() != BreakerClosed {
		return ErrOpen
	}
	_, err := b.client.CancelSession(ctx, id)
	b.note(err)
	return err
}

// WaitForSession reads the session of an accepted code until it is terminal, whatever the breaker's
// state.
func (b *breaker) WaitForSession(ctx context.Context, id string) (*signicat.Session, error) {
	session, err := b.client.WaitForSession(ctx, id)
	if session != nil {
		b.note(nil)
	} else {
		b.note(err)
	}
	return session, err
}

// ValidateCode sends a code, whatever the breaker's state, and once more only when it cannot have
// been sent.
func (b *breaker) ValidateCode(ctx context.Context, v signicat.CodeValidation) error {
	_, err := b.retried(
		func(err error) bool { return neverSent(err) && worthRepeating(err) },
		func() (*signicat.Session, error) { return nil, b.client.ValidateCode(ctx, v) })
	if lost := errors.Is(err, signicat.ErrUnavailable) || errors.Is(err, signicat.ErrInvalidResponse); lost && !neverSent(err) {
		// It may be the code that Signicat stumbles over, which a client chose. Starts and reads
		// show how Signicat is.
		return err
	}
	b.note(err)
	return err
}

// CheckTokenRequestURL makes no call.
func (b *breaker) CheckTokenRequestURL(url string) error { return b.client.CheckTokenRequestURL(url) }

// Close is for after the last call.
func (b *breaker) Close() error { return b.client.Close() }

// ifClosed makes a call that has to wait while the breaker is open, or as the one that probes.
func (b *breaker) ifClosed(call func() (*signicat.Session, error)) (*signicat.Session, error) {
	if err := b.refusal(); err != nil {
		return nil, err
	}
	session, err := failsafe.With(b.circuit).Get(call)
	if errors.Is(err, circuitbreaker.ErrOpen) {
		// Another call probes.
		return nil, retryAfter(ErrOpen, max(b.wait(), time.Second))
	}
	b.pause(err)
	return session, err
}

// note counts a call that was made whatever the breaker's state.
func (b *breaker) note(err error) {
	b.pause(err)
	switch {
	case unwell(err):
		b.circuit.RecordFailure()
	case err == nil, errors.Is(err, signicat.ErrRejected), errors.Is(err, signicat.ErrNotFound):
		b.circuit.Close() // it answers
		b.circuit.RecordSuccess()
	}
}

// pause makes no calls for as long as Signicat asks, within bounds.
func (b *breaker) pause(err error) {
	var failure *signicat.Error
	if !errors.As(err, &failure) || failure.RetryAfter <= 0 {
		return
	}
	until := b.now().Add(min(failure.RetryAfter, maxPause))
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.paused) {
		b.paused = until
	}
}

// retried makes a call, and once more when it failed fast and in a way that is worth it.
func (b *breaker) retried(worth func(error) bool, call func() (*signicat.Session, error)) (*signicat.Session, error) {
	policy := retrypolicy.NewBuilder[*signicat.Session]().
		HandleIf(func(_ *signicat.Session, err error) bool { return worth(err) }).
		WithMaxRetries(1).
		WithMaxDuration(fastFailure).
		WithRandomDelay(minRetryDelay, maxRetryDelay).
		OnRetry(func(e failsafe.ExecutionEvent[*signicat.Session]) { b.retry(operationOf(e.LastError())) }).
		ReturnLastFailure().
		Build()
	return failsafe.With(policy).Get(call)
}

// statusRequestTimeout is RFC 9110 section 15.5.9.
const statusRequestTimeout = 408

// worthRepeating reports whether the same call may succeed a moment later: after a 5xx or a cut
// connection. Not after a timeout, which has used the client's patience up, and not when
// Signicat names a time.
func worthRepeating(err error) bool {
	var failure *signicat.Error
	if !errors.As(err, &failure) || !errors.Is(err, signicat.ErrUnavailable) {
		return false
	}
	var network net.Error
	timeout := failure.StatusCode == statusRequestTimeout || errors.As(err, &network) && network.Timeout()
	return !timeout && failure.RetryAfter == 0 && !errors.Is(err, context.Canceled)
}

// operationOf returns the operation that an error is about.
func operationOf(err error) string {
	if failure, ok := errors.AsType[*signicat.Error](err); ok {
		return failure.Operation
	}
	return ""
}

// neverSent reports whether a call failed for want of a Signicat access token.
func neverSent(err error) bool {
	var failure *signicat.Error
	return errors.As(err, &failure) && failure.Operation == signicat.OperationAccessToken
}
