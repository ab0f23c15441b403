package signicat

import (
	"context"
	"errors"
	"time"
)

// Call is one request to Signicat that is over, for who counts them.
type Call struct {
	// Operation is what it was for, such as [OperationReadSession].
	Operation string
	// Outcome is [OutcomeOK], or one of [Outcomes] that says what went wrong.
	Outcome string
	// Duration is from connecting to the last byte of the answer.
	Duration time.Duration
}

const (
	// OutcomeOK is an answer of 2xx, whole and in JSON where it must be. Whether it says what it
	// has to is looked at later.
	OutcomeOK = "ok"
	// OutcomeAbandoned is a call whose caller went away, or had no more time.
	OutcomeAbandoned = "abandoned"
	// OutcomeOther is a call that could not be made.
	OutcomeOther = "other"
)

// outcomes are the words for what a call can end in.
var outcomes = []struct {
	err  error
	word string
}{
	{ErrNotSignicat, "not_signicat"},
	{ErrUnauthorized, "unauthorized"},
	{ErrForbidden, "forbidden"},
	{ErrNotFound, "not_found"},
	{ErrRejected, "rejected"},
	{ErrRateLimited, "rate_limited"},
	{ErrInvalidResponse, "invalid_response"},
	{ErrUnavailable, "unavailable"},
}

// Outcomes are all that Call.Outcome can be.
func Outcomes() []string {
	all := []string{OutcomeOK}
	for _, o := range outcomes {
		all = append(all, o.word)
	}
	return append(all, OutcomeAbandoned, OutcomeOther)
}

// Operations are all that Call.Operation can be.
func Operations() []string {
	return []string{OperationAccessToken, OperationCreateSession, OperationReadSession, OperationCancelSession, OperationValidateCode}
}

// report tells of a call that is over. ctx is its caller's.
func (c *Client) report(ctx context.Context, operation string, began time.Time, err *error) {
	c.config.Observe(Call{Operation: operation, Outcome: outcomeOf(ctx, *err), Duration: c.config.Now().Sub(began)})
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case ctx.Err() != nil:
		return OutcomeAbandoned
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.word
		}
	}
	return OutcomeOther
}
