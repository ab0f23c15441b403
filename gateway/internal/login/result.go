package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// verdictMargin is how long before its caller's patience a reading ends, so that the caller is
// still told which of the two it is: that the person is not through, or that Signicat is away.
const verdictMargin = 250 * time.Millisecond

// readResult reads the session until it is terminal. The context's end is ErrUnfinished, or
// Signicat's failure when no read succeeded at all.
func (e *Engine) readResult(ctx context.Context, record *pending.Record) (*signicat.Session, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-verdictMargin))
		defer cancel()
	}
	if ctx.Err() != nil {
		return nil, ErrUnfinished // the validation took all the time
	}
	session, err := e.signicat.WaitForSession(ctx, record.SignicatID)
	switch {
	case err == nil:
		return session, nil
	case session != nil && ctx.Err() != nil:
		return nil, ErrUnfinished
	}
	return nil, err
}

// conclude turns a failed read into what it means for the login: nearly always that it goes on
// when Signicat does.
func (e *Engine) conclude(ctx context.Context, record *pending.Record, err error) error {
	noteFailure(record, err)
	switch {
	case errors.Is(err, ErrUnfinished):
		return err
	case errors.Is(err, signicat.ErrNotFound):
		return e.giveUp(ctx, record, ending{pending.Expired, reasonExpired}, event{kind: eventUnread, gone: true})
	}
	e.log.WarnContext(ctx, "reading a session", errorAttr(err))
	return signicatError(err)
}

// endAs ends a record the way its session ended.
func (e *Engine) endAs(ctx context.Context, record *pending.Record, session *signicat.Session, ev event) error {
	ending, ok := signicatEndings[session.Status]
	if !ok {
		return fmt.Errorf("%w: the session is %q", ErrSignicat, session.Status)
	}
	noteSessionError(record, session)
	if err := e.end(ctx, record, ending.phase, ending.reason, ev); err != nil {
		return err
	}
	return ended(record)
}

// checkResult refuses a SUCCESS that is not the one this login is about, or not enough.
func checkResult(record *pending.Record, session *signicat.Session) (reason string) {
	wanted := signicat.LoA(record.LoA)
	switch {
	case session.ID != record.SignicatID || session.AccountID != record.AccountID:
		return reasonOtherSession
	case session.TransactionID != "" && session.TransactionID != record.TransactionID:
		return reasonOtherSession
	case session.IDPData.TransactionID != "" && session.IDPData.TransactionID != record.TransactionID:
		return reasonOtherSession
	case session.Provider != provider:
		return reasonProvider
	case !session.LoA.AtLeast(signicat.LoALow), wanted != "" && !session.LoA.AtLeast(wanted):
		return reasonLoA
	case session.Subject == nil || session.Subject.ID == "":
		return reasonSubject
	}
	return ""
}
