package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// settleWait is how long the session has to show what became of a code whose answer was lost.
const settleWait = 3 * time.Second

// sends is how often one call may send a code: once, and once more when the answer was lost
// and the session shows no progress.
const sends = 2

// validate has Signicat validate the code, and leaves the record Validated. What the first
// answer did not say, the session decides, as far as [Order] lets it.
func (g *Gateway) validate(ctx context.Context, record *pending.Record, p presented) error {
	g.recallOrder(ctx)
	if !record.SentAt.IsZero() {
		// Whoever sent it never told, because it died: see release.
		if err := g.settle(ctx, record); err != nil || validated(record) {
			return err
		}
	}
	var err error
	for n := range sends {
		if n > 0 {
			g.observe.Retry(signicat.OperationValidateCode)
		}
		if err = g.send(ctx, record, p); !errors.Is(err, errLost) || validated(record) || record.Phase.Ended() {
			return err
		}
		if wait := retryHint(err); wait > settleWait {
			return err
		}
	}
	return err
}

func validated(record *pending.Record) bool { return record.Phase == pending.Validated }

// errLost is returned when Signicat gave no answer that settles the code.
var errLost = errors.New("answer lost")

// send sends the code once.
func (g *Gateway) send(ctx context.Context, record *pending.Record, p presented) error {
	unfinished, err := g.lookBefore(ctx, record)
	if err != nil {
		return err
	}
	// Noted before it is sent: a replica that takes over must know that it may have been.
	record.SentAt = g.now()
	if record.FirstSentAt.IsZero() {
		record.FirstSentAt = record.SentAt
	}
	if err := g.update(ctx, record); err != nil {
		return err
	}
	err = g.signicat.ValidateCode(ctx, signicat.CodeValidation{
		TokenRequestURL: record.TokenRequestURL,
		Code:            p.code,
		State:           p.state,
		TransactionID:   record.TransactionID,
		AccountID:       record.AccountID,
	})
	noteFailure(record, err)
	switch {
	case err == nil:
		if unfinished {
			g.proveOrder(ctx)
		}
		return g.markValidated(ctx, record)
	case errors.Is(err, signicat.ErrRejected), errors.Is(err, signicat.ErrNotFound):
		return g.refused(ctx, record, err)
	case errors.Is(err, signicat.ErrUnauthorized), errors.Is(err, signicat.ErrForbidden), neverSent(err):
		// It failed for who we are, not for the code, which is as good as before.
		record.SentAt = time.Time{}
		g.log.ErrorContext(ctx, "no access to Signicat for validating a code", errorAttr(err))
		return signicatError(err)
	}
	g.log.WarnContext(ctx, "the answer to a code validation was lost", errorAttr(err))
	if settling := g.settle(ctx, record); settling != nil || validated(record) {
		return settling
	}
	return fmt.Errorf("%w: %w", errLost, signicatError(err))
}

// neverSent reports whether a call failed for want of a Signicat access token.
func neverSent(err error) bool {
	var failure *signicat.Error
	return errors.As(err, &failure) && failure.Operation == signicat.OperationAccessToken
}

// lookBefore reads the session before a code is sent, as long as the order is not known, and
// reports whether it was unfinished: if Signicat then accepts the code, the person had approved
// and the session waited for the code. It is one read in a gateway's life.
func (g *Gateway) lookBefore(ctx context.Context, record *pending.Record) (unfinished bool, err error) {
	if g.config.Order.known() {
		return false, nil
	}
	session, err := g.signicat.Session(ctx, record.SignicatID)
	switch {
	case err != nil:
		// Not sent blindly: the code stays as good as it is.
		return false, g.conclude(ctx, record, err)
	case session.Status == signicat.StatusSuccess && record.FirstSentAt.IsZero():
		return false, g.tooEarly(ctx, record)
	case session.Status == signicat.StatusSuccess:
		return false, nil
	case session.Status.Terminal():
		return false, g.endAs(ctx, record, session)
	}
	return true, nil
}

// tooEarly ends a login whose session was SUCCESS before any code was sent. From now on a SUCCESS
// proves nothing, and only Signicat's own answer to a code counts.
func (g *Gateway) tooEarly(ctx context.Context, record *pending.Record) error {
	if err := g.end(ctx, record, pending.Failed, reasonEarly); err != nil {
		return err
	}
	g.disproveOrder(ctx)
	g.log.ErrorContext(ctx, "Signicat showed SUCCESS before the code was sent; lost answers are no longer settled by the session")
	return ended(record)
}

// settle reads the session until it tells what became of the code, for at most settleWait. A
// nil error without a Validated record means that the session showed no progress, and SentAt is
// zero, or that it could not be read, and SentAt stays.
//
// A SUCCESS counts only where SUCCESS is known to wait for the code. That the session was
// unfinished before the code was sent is not enough: whoever sends made-up codes while Signicat
// has trouble would need only one at the moment at which somebody else approves.
func (g *Gateway) settle(ctx context.Context, record *pending.Record) error {
	reading, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	session, err := g.signicat.WaitForSession(reading, record.SignicatID)
	noteFailure(record, err)
	if err == nil && session.Status == signicat.StatusSuccess && g.config.Order.conclusive() {
		return g.markValidated(ctx, record)
	}
	if err == nil && session.Status != signicat.StatusSuccess {
		return g.endAs(ctx, record, session)
	}
	if errors.Is(err, signicat.ErrNotFound) {
		return g.expire(ctx, record, reasonExpired)
	}
	if err == nil || session != nil {
		// The session was read and shows nothing that this code did: settled.
		record.SentAt = time.Time{}
		return g.update(ctx, record)
	}
	return nil
}

// refused ends a login whose code Signicat refuses, unless an earlier sending of the same code
// was the one that counted. As long as the session cannot be read it may have been.
func (g *Gateway) refused(ctx context.Context, record *pending.Record, refusal error) error {
	if sentBefore(record, refusal) && g.config.Order.conclusive() {
		err := g.settle(ctx, record)
		switch settled := record.SentAt.IsZero(); {
		case err != nil || validated(record):
			return err
		case !settled:
			return signicatError(refusal)
		}
	}
	noteFailure(record, refusal)
	if err := g.end(ctx, record, pending.Failed, reasonCodeRefused); err != nil {
		return err
	}
	g.cancelLater(ctx, record.SignicatID)
	return ended(record)
}

// sentBefore reports whether the sending that was refused was not the code's first.
func sentBefore(record *pending.Record, refusal error) bool {
	var failure *signicat.Error
	return !record.SentAt.Equal(record.FirstSentAt) || (errors.As(refusal, &failure) && failure.Repeated)
}

func (g *Gateway) markValidated(ctx context.Context, record *pending.Record) error {
	record.Phase = pending.Validated
	record.SentAt = time.Time{}
	err := g.update(ctx, record)
	if err == nil {
		g.observeLogin(LoginValidated, record)
	}
	return err
}

// retryHint is how long Signicat asked to wait.
func retryHint(err error) time.Duration {
	var retry *retryError
	if errors.As(err, &retry) {
		return retry.after
	}
	return 0
}
