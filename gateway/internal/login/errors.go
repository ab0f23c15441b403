package login

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Why a call fails, or how a login ended without a token. Package gateway has a table with what
// clients see of each.
var (
	// ErrDenied is returned when the user refused, or the login was aborted or cancelled.
	ErrDenied = errors.New("access denied")
	// ErrExpired is returned when the login or its code is too old.
	ErrExpired = errors.New("login expired")
	// ErrGrant is returned when state, binding, code or result are not what they must be.
	ErrGrant = errors.New("invalid grant")
	// ErrUnfinished is returned when the login is still under way; asking again goes on with it.
	ErrUnfinished = errors.New("not finished yet")
	// ErrSignicat is returned when Signicat cannot answer, or answers what cannot be used.
	ErrSignicat = errors.New("signicat unavailable")
	// ErrStore is returned when the store cannot answer.
	ErrStore = errors.New("store unavailable")
	// ErrStarting is returned before the signing keys are there.
	ErrStarting = errors.New("starting")
	// ErrRate is returned when a client starts too many logins.
	ErrRate = errors.New("too many requests")
	// ErrTokenRate is returned when a client calls /token and /revoke too often.
	ErrTokenRate = errors.New("too many token requests")
	// ErrConflict is returned when a login is too far to be cancelled.
	ErrConflict = errors.New("login is being finished")
	// ErrUnknown is returned when there is no such session.
	ErrUnknown = errors.New("unknown session")
)

// retryError says when to ask again.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func retryAfter(err error, after time.Duration) error { return &retryError{err: err, after: after} }

// RetryAfter is how long the client should wait before it asks again. Zero: the error does not say.
func RetryAfter(err error) time.Duration {
	var retry *retryError
	if errors.As(err, &retry) {
		return retry.after
	}
	return 0
}

// wrap says why, for the log; clients see the text that belongs to err.
func wrap(err error, why string) error { return fmt.Errorf("%w: %s", err, why) }

// signicatError makes an ErrSignicat of a failed call. It keeps how long Signicat asked to wait.
func signicatError(err error) error {
	wrapped := fmt.Errorf("%w: %w", ErrSignicat, err)
	var failure *signicat.Error
	if errors.As(err, &failure) && failure.RetryAfter > 0 {
		return retryAfter(wrapped, failure.RetryAfter)
	}
	return wrapped
}

// storeError returns a lost race and an unknown record as they are, and ErrStore for a store that
// cannot answer.
func storeError(err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStore, err)
}

// tokenError returns ErrStarting where there are no keys.
func tokenError(err error) error {
	if errors.Is(err, token.ErrNoKeys) {
		return ErrStarting
	}
	return err
}

// endings are the errors of logins that ended without a token.
var endings = map[store.Phase]error{
	store.Denied:    ErrDenied,
	store.Aborted:   ErrDenied,
	store.Cancelled: ErrDenied,
	store.Expired:   ErrExpired,
	store.Failed:    ErrGrant,
}

// ErrTokenSize is returned when a user's claims do not fit into a token.
var ErrTokenSize = errors.New("token too large")

// ErrLevel is returned when a user's level of assurance is under the one asked for.
var ErrLevel = errors.New("level of assurance too low")

// ended is the error of a record that ended without a token.
func ended(r *store.Record) error {
	switch r.Reason {
	case reasonTooLarge:
		return fmt.Errorf("%w: %w", ErrGrant, ErrTokenSize)
	case reasonLoA:
		return fmt.Errorf("%w: %w", ErrGrant, ErrLevel)
	}
	return fmt.Errorf("%w: %s", endings[r.Phase], r.Reason)
}

// Reasons why a login ended, as logs name them.
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

// warned are the reasons that get a line at WARN: a client cannot bring them about, and an operator
// can look into them.
var warned = map[string]bool{
	reasonError:        true,
	reasonInvalid:      true,
	reasonAnswerLost:   true,
	reasonNoSuccess:    true,
	reasonOtherSession: true,
	reasonProvider:     true,
	reasonSubject:      true,
	reasonTooLarge:     true,
}
