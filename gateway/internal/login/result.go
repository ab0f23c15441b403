package login

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// verdictMargin is the time between the end of a read and the end of its caller's wait. In it the caller
// still answers whether the user is not done or Signicat is unavailable.
const verdictMargin = 250 * time.Millisecond

// readResult reads the session until it is terminal. It returns ErrUnfinished when the time ends, or
// Signicat's failure when no read succeeded. After such an error the login usually continues.
func (h *leaseHolder) readResult(ctx context.Context) (event, error) {
	session, err := h.readSession(ctx)
	h.failed = failureIn(err, h.failed)
	switch {
	case err == nil:
		h.session, h.readAt = session, h.now()
		return event{kind: eventResult}, nil
	case errors.Is(err, signicat.ErrNotFound):
		return event{kind: eventNoResult, gone: true}, err
	}
	return event{kind: eventNoResult}, err
}

func (h *leaseHolder) readSession(ctx context.Context) (*signicat.Session, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-verdictMargin))
		defer cancel()
	}
	if ctx.Err() != nil {
		return nil, ErrUnfinished // the validation took all the time
	}
	session, err := h.signicat.WaitForSession(ctx, h.record.SignicatID)
	switch {
	case err == nil:
		return session, nil
	case session != nil && ctx.Err() != nil:
		return nil, ErrUnfinished
	}
	return nil, err
}
