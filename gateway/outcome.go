package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// How a login ends without a token. Clients see the row of the table in failure.go.
var (
	// errDenied is returned when the person said no, or the login was aborted or cancelled.
	errDenied = errors.New("access denied")
	// errExpired is returned when the login or its code is too old.
	errExpired = errors.New("login expired")
	// errGrant is returned when state, binding, code or result are not what they must be.
	errGrant = errors.New("invalid grant")
	// errUnfinished is returned when the login is still under way; asking again goes on with it.
	errUnfinished = errors.New("not finished yet")
	// errSignicat is returned when Signicat cannot answer, or answers what cannot be used.
	errSignicat = errors.New("signicat unavailable")
	// errStore is returned when the store cannot answer.
	errStore = errors.New("store unavailable")
	// errStarting is returned before the signing keys are there.
	errStarting = errors.New("starting")
	// errRate is returned when a client starts too many logins.
	errRate = errors.New("too many requests")
	// errTokenRate is returned when a client calls /token and /revoke too often.
	errTokenRate = errors.New("too many token requests")
	// errRequest is returned when a request is malformed; its text is safe to show.
	errRequest = errors.New("invalid request")
	// errNoCookies is returned when a browser does not send the cookie that it was just given.
	errNoCookies = errors.New("the browser keeps no cookies")
	// errConflict is returned when a login is too far to be cancelled.
	errConflict = errors.New("login is being finished")
	// errUnknown is returned when there is no such session.
	errUnknown = errors.New("unknown session")
)

// retryError says when to ask again.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func retryAfter(err error, after time.Duration) error { return &retryError{err: err, after: after} }

// requestErrorf is an errRequest whose text tells the developer what to change.
func requestErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRequest, fmt.Sprintf(format, args...))
}

// signicatError hides which way Signicat was unavailable and keeps how long it asked to wait.
func signicatError(err error) error {
	wrapped := fmt.Errorf("%w: %w", errSignicat, err)
	var failure *signicat.Error
	if errors.As(err, &failure) && failure.RetryAfter > 0 {
		return retryAfter(wrapped, failure.RetryAfter)
	}
	return wrapped
}

// storeError tells a lost race and an unknown record from a store that cannot answer.
func storeError(err error) error {
	if err == nil || errors.Is(err, pending.ErrNotFound) || errors.Is(err, pending.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w: %w", errStore, err)
}

// tokenError tells missing keys from a token that cannot be issued.
func tokenError(err error) error {
	if errors.Is(err, token.ErrNoKeys) {
		return errStarting
	}
	return err
}

// endings is how a record's end is told to whoever asks for the token.
var endings = map[pending.Phase]error{
	pending.Denied:    errDenied,
	pending.Aborted:   errDenied,
	pending.Cancelled: errDenied,
	pending.Expired:   errExpired,
	pending.Failed:    errGrant,
}

// errTokenSize is returned when a person's claims do not fit into a token.
var errTokenSize = errors.New("token too large")

// errLevel is returned when a person's level of assurance is under the one asked for.
var errLevel = errors.New("level of assurance too low")

// ended is the error of a record that ended without a token.
func ended(r *pending.Record) error {
	switch r.Reason {
	case reasonTooLarge:
		return fmt.Errorf("%w: %w", errGrant, errTokenSize)
	case reasonLoA:
		return fmt.Errorf("%w: %w", errGrant, errLevel)
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

// operatorsBusiness are the reasons that a client cannot bring about, and an operator can look into.
var operatorsBusiness = map[string]bool{
	reasonError:        true,
	reasonInvalid:      true,
	reasonAnswerLost:   true,
	reasonNoSuccess:    true,
	reasonOtherSession: true,
	reasonProvider:     true,
	reasonSubject:      true,
	reasonTooLarge:     true,
}
