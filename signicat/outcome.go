package signicat

import (
	"context"
	"errors"
	"time"
)

// Call describes a request to Signicat that ended, for metrics.
type Call struct {
	// Operation is the operation, such as [OperationReadSession].
	Operation string
	// Outcome is [OutcomeOK], abandoned, other, or a word for the sentinel.
	Outcome string
	// Duration is the time from connecting to the last byte of the answer.
	Duration time.Duration
}

const (
	// OutcomeOK is a whole answer of 2xx, in JSON where it must be. Its content is not checked yet.
	OutcomeOK = "ok"
	// outcomeAbandoned is a call whose caller went away, or had no more time.
	outcomeAbandoned = "abandoned"
	// outcomeOther is a call that could not be made.
	outcomeOther = "other"
)

// outcomes maps the sentinel of a call to a word.
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

// Operations returns all values of Call.Operation.
func Operations() []string {
	return []string{OperationAccessToken, OperationCreateSession, OperationReadSession, OperationCancelSession, OperationValidateCode}
}

// report calls Observe for a call that ended. ctx is the caller's.
func (c *Client) report(ctx context.Context, operation string, began time.Time, err *error) {
	c.config.Observe(Call{Operation: operation, Outcome: outcomeOf(ctx, *err), Duration: c.config.Now().Sub(began)})
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case ctx.Err() != nil:
		return outcomeAbandoned
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.word
		}
	}
	return outcomeOther
}
