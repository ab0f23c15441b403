package signicat

import "errors"

// Status is the state of a session.
// Source: Authentication REST API, SessionDataDto, 2025-03.
type Status string

// The statuses that Signicat's API names. A client must expect others.
const (
	StatusCreated        Status = "CREATED"          // as it was created
	StatusWaitingForUser Status = "WAITING_FOR_USER" // Unverified for itsme: the user has opened it
	StatusSuccess        Status = "SUCCESS"          // the only one with a Subject
	StatusAbort          Status = "ABORT"            // the user stopped it
	StatusError          Status = "ERROR"            // see Session.Error
	StatusCancelled      Status = "CANCELLED"        // ended by CancelSession
	StatusExpired        Status = "EXPIRED"          // Unverified: its lifetime passed
	StatusInvalid        Status = "INVALID"          // Unverified: Signicat publishes no meaning
)

// Terminal reports whether a session with this status no longer changes.
// A status that this package does not know is not terminal: set a deadline for the wait.
func (s Status) Terminal() bool {
	switch s {
	case StatusSuccess, StatusAbort, StatusError, StatusCancelled, StatusExpired, StatusInvalid:
		return true
	default:
		return false
	}
}

// known reports whether Signicat's API of 2025-03 names the status.
func (s Status) known() bool {
	return s.Terminal() || s == StatusCreated || s == StatusWaitingForUser
}

// LoA is a level of assurance, as eIDAS names them.
// Source: https://developer.signicat.com/docs/eid-hub/concepts/levels-of-assurance/
type LoA string

// The levels of assurance, lowest first.
const (
	LoALow         LoA = "low"
	LoASubstantial LoA = "substantial"
	LoAHigh        LoA = "high"
)

// ErrLoA is returned when a text names no level of assurance.
var ErrLoA = errors.New("level of assurance must be low, substantial or high")

// ParseLoA returns the level with that exact name, or [ErrLoA].
func ParseLoA(text string) (LoA, error) {
	if l := LoA(text); l.rank() > 0 {
		return l, nil
	}
	return "", ErrLoA
}

// AtLeast reports whether l is the level least or a higher one.
// It is false when either is empty or unknown: unknown means refused.
func (l LoA) AtLeast(least LoA) bool {
	return least.rank() > 0 && l.rank() >= least.rank()
}

func (l LoA) rank() int {
	switch l {
	case LoALow:
		return 1
	case LoASubstantial:
		return 2
	case LoAHigh:
		return 3
	default:
		return 0
	}
}
