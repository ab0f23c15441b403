package login

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/dpop"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Errors of calls, and of logins that ended without a token. A table in package gateway maps them to answers.
var (
	// ErrDenied is returned when the user refused, or the login was aborted or cancelled.
	ErrDenied = errors.New("access denied")
	// ErrExpired is returned when the login or its code is too old.
	ErrExpired = errors.New("login expired")
	// ErrGrant is returned when the state, binding, code or result is not acceptable.
	ErrGrant = errors.New("invalid grant")
	// ErrUnfinished is returned when the login is still under way. The next call continues it.
	ErrUnfinished = errors.New("not finished yet")
	// ErrSignicat is returned when Signicat is unavailable or its answer is unusable.
	ErrSignicat = errors.New("signicat unavailable")
	// ErrStore is returned when the store is unavailable.
	ErrStore = errors.New("store unavailable")
	// ErrStarting is returned while there are no signing keys yet.
	ErrStarting = errors.New("starting")
	// ErrRate is returned when a client starts too many logins.
	ErrRate = errors.New("too many requests")
	// ErrTokenRate is returned when a client calls /token and /revoke too often.
	ErrTokenRate = errors.New("too many token requests")
	// ErrConflict is returned when a login is being finished and cannot be cancelled.
	ErrConflict = errors.New("login is being finished")
	// ErrUnknown is returned when there is no such session.
	ErrUnknown = errors.New("unknown session")
)

// retryError adds to an error the time after which to try again.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func retryAfter(err error, after time.Duration) error { return &retryError{err: err, after: after} }

// RetryAfter returns the time after which the client should try again, or zero when the error names none.
func RetryAfter(err error) time.Duration {
	if retry, ok := errors.AsType[*retryError](err); ok {
		return retry.after
	}
	return 0
}

// wrap adds a reason for the log. Clients see the text that belongs to err.
func wrap(err error, why string) error { return fmt.Errorf("%w: %s", err, why) }

// signicatError wraps the error of a call in ErrSignicat. It keeps the Retry-After of Signicat.
func signicatError(err error) error {
	wrapped := fmt.Errorf("%w: %w", ErrSignicat, err)
	if failure, ok := errors.AsType[*signicat.Error](err); ok && failure.RetryAfter > 0 {
		return retryAfter(wrapped, failure.RetryAfter)
	}
	return wrapped
}

// storeError wraps an error of the store in ErrStore. A lost race and an unknown record stay as they are.
func storeError(err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStore, err)
}

// tokenError returns ErrStarting when there are no keys.
func tokenError(err error) error {
	if errors.Is(err, token.ErrNoKeys) {
		return ErrStarting
	}
	return err
}

// endErrors maps a phase that ends a login without a token to its error.
var endErrors = map[store.Phase]error{
	store.Denied:    ErrDenied,
	store.Aborted:   ErrDenied,
	store.Cancelled: ErrDenied,
	store.Expired:   ErrExpired,
	store.Failed:    ErrGrant,
}

// errNoProof is returned when a login is bound to a key, and the client has shown none.
var errNoProof = fmt.Errorf("%w: the login is bound to a key", dpop.ErrProof)

// ErrTokenSize is returned when the claims of a user do not fit into a token.
var ErrTokenSize = errors.New("token too large")

// ErrLevel is returned when the level of assurance is lower than requested.
var ErrLevel = errors.New("level of assurance too low")

// ErrSuperseded is returned, together with ErrDenied, when the user started the login over.
var ErrSuperseded = errors.New("login started over")

// Ended returns the error of a login that ended without a token, and nil for every other login.
func Ended(r *store.Record) error {
	err, ended := endErrors[r.Phase]
	switch {
	case !ended:
		return nil
	case r.Reason == reasonCancelled:
		return fmt.Errorf("%w: %w", err, ErrSuperseded)
	case r.Reason == reasonTooLarge:
		return fmt.Errorf("%w: %w", err, ErrTokenSize)
	case r.Reason == reasonLoA:
		return fmt.Errorf("%w: %w", err, ErrLevel)
	}
	return wrap(err, r.Reason)
}

// Reasons for the end of a login, as logs show them.
const (
	reasonIssued       = "issued"
	reasonDenied       = "denied_by_person"
	reasonRedirect     = "error_on_redirect"
	reasonAborted      = "signicat_abort"
	reasonError        = "signicat_error"
	reasonInvalid      = "signicat_invalid"
	reasonElsewhere    = "cancelled_at_signicat"
	reasonCancelled    = "cancelled_by_client"
	reasonExpired      = "session_expired"
	reasonCodeAge      = "code_expired"
	reasonCodeRefused  = "code_refused"
	reasonAnswerLost   = "answer_lost"
	reasonNoSuccess    = "no_success"
	reasonOtherSession = "another_session"
	reasonProvider     = "another_provider"
	reasonLoA          = "loa_too_low"
	reasonSubject      = "no_subject"
	reasonRevoked      = "subject_revoked"
	reasonTooLarge     = "token_too_large"
)

// warnReasons holds the reasons that are logged at WARN. No client can cause them, and an operator can act on
// them.
var warnReasons = map[string]bool{
	reasonError:        true,
	reasonInvalid:      true,
	reasonAnswerLost:   true,
	reasonNoSuccess:    true,
	reasonOtherSession: true,
	reasonProvider:     true,
	reasonSubject:      true,
	reasonTooLarge:     true,
}
