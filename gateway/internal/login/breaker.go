package login

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
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
	// BreakerHalfOpen: the next start or read of a status is made. Its result closes or opens the breaker.
	BreakerHalfOpen = "half_open"
	// BreakerOpen: starts are refused, statuses come from the store alone, and cancels are left to the
	// session's expiry. Logins whose code came back continue.
	BreakerOpen = "open"
)

const (
	// The breaker opens when at least breakerCalls calls were made within breakerWindow and breakerRate of
	// them failed.
	breakerWindow = 30 * time.Second
	breakerCalls  = 5
	breakerRate   = 0.5
	// breakerDelay is the time without calls after the breaker opened.
	breakerDelay = 5 * time.Second
	// maxPause bounds the pause of starts when Signicat sends Retry-After.
	maxPause = time.Minute
	// A call that failed within fastFailure is repeated once, after minRetryDelay to maxRetryDelay. The delay
	// is random, so that calls that failed together do not repeat together.
	fastFailure   = 2 * time.Second
	minRetryDelay = 100 * time.Millisecond
	maxRetryDelay = 500 * time.Millisecond
)

// breaker makes the calls to Signicat. While Signicat keeps failing, it makes only the calls of logins whose
// code came back. Their codes live three minutes, and their calls show when Signicat works again.
//
// Faults of Signicat open it, and so do refused credentials, with which other calls would fail too. No input
// of a client opens it. Its windows use the real clock, and Retry-After the gateway's clock.
type breaker struct {
	client  *signicat.Client
	circuit circuitbreaker.CircuitBreaker[*signicat.Session]
	now     func() time.Time
	retry   func(operation string) // called before a call is repeated

	mu     sync.Mutex
	paused time.Time // no calls before this: Signicat sent Retry-After
}

func newBreaker(client *signicat.Client, now func() time.Time, log *slog.Logger, retry func(operation string)) *breaker {
	return &breaker{
		client: client,
		now:    now,
		retry:  retry,
		circuit: circuitbreaker.NewBuilder[*signicat.Session]().
			HandleIf(func(_ *signicat.Session, err error) bool { return signicatFault(err) }).
			WithFailureRateThreshold(breakerRate, breakerCalls, breakerWindow).
			WithSuccessThreshold(1).
			WithDelay(breakerDelay).
			OnStateChanged(func(e circuitbreaker.StateChangedEvent) { logBreaker(e.Context(), log, e.OldState, e.NewState) }).
			Build(),
	}
}

// logBreaker logs the start of an outage once, and its end.
func logBreaker(ctx context.Context, log *slog.Logger, from, to circuitbreaker.State) {
	switch {
	case from == circuitbreaker.ClosedState && to == circuitbreaker.OpenState:
		log.WarnContext(ctx, "Signicat keeps failing: no login starts until it answers")
	case to == circuitbreaker.ClosedState:
		log.InfoContext(ctx, "Signicat answers again")
	}
}

// signicatFaults are the errors of calls that fail because of Signicat or of our credentials.
var signicatFaults = []error{
	signicat.ErrUnavailable, signicat.ErrRateLimited, signicat.ErrInvalidResponse, signicat.ErrUnauthorized, signicat.ErrForbidden,
	signicat.ErrNotSignicat,
}

// signicatFault reports whether a call failed because of Signicat or of our credentials, and not because of its
// content.
func signicatFault(err error) bool {
	return slices.ContainsFunc(signicatFaults, func(fault error) bool { return errors.Is(err, fault) })
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

// wait returns the time until the next call may be made, or zero.
func (b *breaker) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.circuit.RemainingDelay(), b.paused.Sub(b.now()), 0)
}

// ErrOpen is returned when the breaker is open and refused a call.
var ErrOpen = errors.New("breaker open")

// refusal returns the error of a call that may not be made now, or nil.
func (b *breaker) refusal() error {
	if wait := b.wait(); wait > 0 {
		return retryAfter(ErrOpen, wait)
	}
	return nil
}

// startTimeout bounds a start: the access token, the session, and the store.
const startTimeout = 30 * time.Second

// CreateSession starts a session, unless the breaker is open. It repeats a call that failed fast. At worst
// Signicat then has an unused session, which expires. A client that hangs up does not end the call, so that
// no client can make the call look like a failure.
func (b *breaker) CreateSession(ctx context.Context, request signicat.SessionRequest) (*signicat.Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	return b.ifClosed(func() (*signicat.Session, error) {
		return b.withRetry(mayRepeat, func() (*signicat.Session, error) { return b.client.CreateSession(ctx, request) })
	})
}

// ReadStatus reads a session for waiting clients, unless the breaker is open.
func (b *breaker) ReadStatus(ctx context.Context, id string) (*signicat.Session, error) {
	return b.ifClosed(func() (*signicat.Session, error) { return b.client.Session(ctx, id) })
}

// CancelSession cancels a session while the breaker is closed. A cancel is optional, so it does not probe.
func (b *breaker) CancelSession(ctx context.Context, id string) error {
	if b.state() != BreakerClosed {
		return ErrOpen
	}
	_, err := b.client.CancelSession(ctx, id)
	b.note(err)
	return err
}

// WaitForSession reads the session of an accepted code until it is terminal, in any state of the breaker.
func (b *breaker) WaitForSession(ctx context.Context, id string) (*signicat.Session, error) {
	session, err := b.client.WaitForSession(ctx, id)
	if session != nil {
		b.note(nil)
	} else {
		b.note(err)
	}
	return session, err
}

// ValidateCode sends a code, in any state of the breaker. It repeats the call only when the code cannot have
// been sent.
func (b *breaker) ValidateCode(ctx context.Context, v signicat.CodeValidation) error {
	_, err := b.withRetry(
		func(err error) bool { return neverSent(err) && mayRepeat(err) },
		func() (*signicat.Session, error) { return nil, b.client.ValidateCode(ctx, v) })
	if lost := errors.Is(err, signicat.ErrUnavailable) || errors.Is(err, signicat.ErrInvalidResponse); lost && !neverSent(err) {
		// The failure may come from the code, which a client chose. It must not open the breaker.
		// Starts and reads show whether Signicat works.
		return err
	}
	b.note(err)
	return err
}

// ifClosed makes a call while the breaker is closed. While it is half open, the first call probes.
func (b *breaker) ifClosed(call func() (*signicat.Session, error)) (*signicat.Session, error) {
	if err := b.refusal(); err != nil {
		return nil, err
	}
	session, err := failsafe.With(b.circuit).Get(call)
	if errors.Is(err, circuitbreaker.ErrOpen) {
		// Another call is the probe.
		return nil, retryAfter(ErrOpen, max(b.wait(), time.Second))
	}
	b.pause(err)
	return session, err
}

// note counts a call that was made in any state of the breaker.
func (b *breaker) note(err error) {
	b.pause(err)
	switch {
	case signicatFault(err):
		b.circuit.RecordFailure()
	case err == nil, errors.Is(err, signicat.ErrRejected), errors.Is(err, signicat.ErrNotFound):
		b.circuit.Close() // Signicat answers
		b.circuit.RecordSuccess()
	}
}

// pause stops calls for the time that Signicat asks for, within bounds.
func (b *breaker) pause(err error) {
	failure, ok := errors.AsType[*signicat.Error](err)
	if !ok || failure.RetryAfter <= 0 {
		return
	}
	until := b.now().Add(min(failure.RetryAfter, maxPause))
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.paused) {
		b.paused = until
	}
}

// withRetry makes a call. It repeats the call once if the call failed fast and retryable returns true for its
// error.
func (b *breaker) withRetry(retryable func(error) bool, call func() (*signicat.Session, error)) (*signicat.Session, error) {
	policy := retrypolicy.NewBuilder[*signicat.Session]().
		HandleIf(func(_ *signicat.Session, err error) bool { return retryable(err) }).
		WithMaxRetries(1).
		WithMaxDuration(fastFailure).
		WithRandomDelay(minRetryDelay, maxRetryDelay).
		OnRetry(func(e failsafe.ExecutionEvent[*signicat.Session]) { b.retry(operationOf(e.LastError())) }).
		ReturnLastFailure().
		Build()
	return failsafe.With(policy).Get(call)
}

// statusRequestTimeout is the status of RFC 9110 section 15.5.9.
const statusRequestTimeout = 408

// mayRepeat reports whether the same call may succeed a moment later: after a 5xx or a cut connection.
// It is false after a timeout, for which the client has waited long enough, and when Signicat sends
// Retry-After.
func mayRepeat(err error) bool {
	failure, ok := errors.AsType[*signicat.Error](err)
	if !ok || !errors.Is(err, signicat.ErrUnavailable) {
		return false
	}
	network, cut := errors.AsType[net.Error](err)
	timeout := failure.StatusCode == statusRequestTimeout || cut && network.Timeout()
	return !timeout && failure.RetryAfter == 0 && !errors.Is(err, context.Canceled)
}

// operationOf returns the operation that failed.
func operationOf(err error) string {
	if failure, ok := errors.AsType[*signicat.Error](err); ok {
		return failure.Operation
	}
	return ""
}

// neverSent reports whether a call failed because there was no Signicat access token.
func neverSent(err error) bool { return operationOf(err) == signicat.OperationAccessToken }
