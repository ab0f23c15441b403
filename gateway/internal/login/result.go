package login

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// verdictMargin is how long before the end of its caller's wait a reading ends. The caller can then
// still answer which of the two it is: the user is not done, or Signicat is unavailable.
const verdictMargin = 250 * time.Millisecond

// readResult reads the session until it is terminal. It returns ErrUnfinished when the time is over, or
// Signicat's failure when no read succeeded at all. The login nearly always goes on when Signicat does.
func (h *holder) readResult(ctx context.Context) (event, error) {
	session, err := h.readSession(ctx)
	h.failed = failureIn(err, h.failed)
	switch {
	case err == nil:
		h.session, h.read = session, h.now()
		return event{kind: eventResult}, nil
	case errors.Is(err, signicat.ErrNotFound):
		return event{kind: eventUnread, gone: true}, err
	}
	return event{kind: eventUnread}, err
}

func (h *holder) readSession(ctx context.Context) (*signicat.Session, error) {
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
