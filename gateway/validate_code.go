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

// evidence is what a SUCCESS would prove after the code was sent.
type evidence bool

const (
	// inconclusive: a SUCCESS proves nothing, only Signicat's answer does.
	inconclusive evidence = false
	// conclusive: the session was seen unfinished just before, or SUCCESS waits for the code.
	conclusive evidence = true
)

// validate has Signicat validate the code, and leaves the record Validated. What the first
// answer did not say, the session decides, as far as [Order] lets it.
func (g *Gateway) validate(ctx context.Context, record *pending.Record, p presented) error {
	if !record.SentAt.IsZero() {
		// Whoever sent it never told, because it died: see release. It had looked before.
		if err := g.settle(ctx, record, evidence(!g.config.Order.disproved())); err != nil || validated(record) {
			return err
		}
	}
	var err error
	for range sends {
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
	proof, err := g.lookBefore(ctx, record)
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
	switch {
	case err == nil:
		if proof == conclusive {
			g.config.Order.prove()
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
	if settling := g.settle(ctx, record, proof); settling != nil || validated(record) {
		return settling
	}
	return fmt.Errorf("%w: %w", errLost, signicatError(err))
}

// neverSent reports whether a call failed for want of a Signicat access token.
func neverSent(err error) bool {
	var failure *signicat.Error
	return errors.As(err, &failure) && failure.Operation == signicat.OperationAccessToken
}

// lookBefore reads the session before a code is sent, as long as the order is not known, so
// that a SUCCESS afterwards means something. It is one read in a gateway's life.
func (g *Gateway) lookBefore(ctx context.Context, record *pending.Record) (evidence, error) {
	order := g.config.Order
	if order.known() {
		return evidence(order.conclusive()), nil
	}
	session, err := g.signicat.Session(ctx, record.SignicatID)
	switch {
	case err != nil:
		// Not sent blindly: the code stays as good as it is.
		return inconclusive, g.conclude(ctx, record, err)
	case session.Status == signicat.StatusSuccess && record.FirstSentAt.IsZero():
		return inconclusive, g.tooEarly(ctx, record)
	case session.Status == signicat.StatusSuccess:
		return inconclusive, nil
	case session.Status.Terminal():
		return inconclusive, g.endAs(ctx, record, session)
	}
	return conclusive, nil
}

// tooEarly ends a login whose session was SUCCESS before any code was sent: what the design of
// settling rests on does not hold, for this gateway and from now on.
func (g *Gateway) tooEarly(ctx context.Context, record *pending.Record) error {
	if err := g.end(ctx, record, pending.Failed, reasonEarly); err != nil {
		return err
	}
	g.config.Order.disprove()
	g.log.ErrorContext(ctx, "Signicat showed SUCCESS before the code was sent; lost answers are no longer settled by the session")
	return ended(record)
}

// settle reads the session until it tells what became of the code, for at most settleWait. A
// nil error without a Validated record means that the session showed no progress.
func (g *Gateway) settle(ctx context.Context, record *pending.Record, proof evidence) error {
	reading, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	session, err := g.signicat.WaitForSession(reading, record.SignicatID)
	if err == nil && session.Status == signicat.StatusSuccess && proof == conclusive {
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
// was the one that counted.
func (g *Gateway) refused(ctx context.Context, record *pending.Record, refusal error) error {
	if !record.SentAt.Equal(record.FirstSentAt) && g.config.Order.conclusive() {
		if err := g.settle(ctx, record, conclusive); err != nil || validated(record) {
			return err
		}
	}
	g.logRefusal(ctx, refusal)
	if err := g.end(ctx, record, pending.Failed, reasonCodeRefused); err != nil {
		return err
	}
	g.cancelLater(ctx, record.SignicatID)
	return ended(record)
}

func (g *Gateway) markValidated(ctx context.Context, record *pending.Record) error {
	record.Phase = pending.Validated
	record.SentAt = time.Time{}
	return g.update(ctx, record)
}

// retryHint is how long Signicat asked to wait.
func retryHint(err error) time.Duration {
	var retry *retryError
	if errors.As(err, &retry) {
		return retry.after
	}
	return 0
}
