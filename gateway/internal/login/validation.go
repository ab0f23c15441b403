package login

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// maxSendings is how often one call sends a code: once, and once more when the answer was lost.
	maxSendings = 2
	// maxResendWait bounds how long a call waits before it sends the code again. A longer
	// Retry-After is left to the client.
	maxResendWait = 3 * time.Second
)

// verdict is what Signicat's answer to a code means for the login.
type verdict uint8

const (
	// codeAccepted: Signicat's own 2xx.
	codeAccepted verdict = iota
	// codeRefused: 400 or 404. Final for this code.
	codeRefused
	// credentialsRefused: 401, 403, or no access token. The code is as good as before.
	credentialsRefused
	// answerLost: anything else. It is unknown whether Signicat used the code.
	answerLost
)

func verdictOf(err error) verdict {
	switch {
	case err == nil:
		return codeAccepted
	case neverSent(err), errors.Is(err, signicat.ErrUnauthorized), errors.Is(err, signicat.ErrForbidden):
		return credentialsRefused
	case errors.Is(err, signicat.ErrRejected), errors.Is(err, signicat.ErrNotFound):
		return codeRefused
	}
	return answerLost
}

// neverSent reports whether a call failed for want of a Signicat access token.
func neverSent(err error) bool {
	var failure *signicat.Error
	return errors.As(err, &failure) && failure.Operation == signicat.OperationAccessToken
}

// validate sends the code until an answer settles it, at most maxSendings times, and leaves the
// record Validated. The session is not read here: its SUCCESS proves nothing about this code.
func (e *Engine) validate(ctx context.Context, record *pending.Record, p Return) error {
	for sending := 1; ; sending++ {
		before := record.SentAt
		if err := e.noteSending(ctx, record, p); err != nil {
			return err
		}
		err := e.signicat.ValidateCode(ctx, p.validation(record))
		noteFailure(record, err)
		switch verdictOf(err) {
		case codeAccepted:
			return e.markValidated(ctx, record, p)
		case codeRefused:
			return e.giveUp(ctx, record, ending{pending.Failed, refusalReason(before, err)}, event{kind: eventRefuse, lost: refusalReason(before, err) == reasonAnswerLost})
		case credentialsRefused:
			if neverSent(err) {
				record.SentAt = before
			}
			e.log.ErrorContext(ctx, "no access to Signicat for validating a code", errorAttr(err))
			return signicatError(err)
		}
		e.log.WarnContext(ctx, "the answer to a code validation was lost", errorAttr(err))
		err = signicatError(err)
		if sending == maxSendings || !e.waitToResend(ctx, record, p, RetryAfter(err)) {
			return err
		}
		e.config.Observe.Retry(signicat.OperationValidateCode)
	}
}

// noteSending keeps in the record that the code was sent, before it is: the replica may die.
func (e *Engine) noteSending(ctx context.Context, record *pending.Record, p Return) error {
	if !record.SentAt.IsZero() {
		return nil
	}
	before := *record
	record.SentAt = p.now()
	return e.update(ctx, before, record, event{kind: eventSend}, record.SentAt)
}

// validation is the call that sends the code.
func (p Return) validation(record *pending.Record) signicat.CodeValidation {
	return signicat.CodeValidation{
		TokenRequestURL: record.TokenRequestURL,
		Code:            p.Code,
		State:           p.State,
		TransactionID:   record.TransactionID,
		AccountID:       record.AccountID,
	}
}

// waitToResend waits before the code is sent again. It returns false when this call may not send it.
func (e *Engine) waitToResend(ctx context.Context, record *pending.Record, p Return, asked time.Duration) bool {
	wait := max(asked, minRetryDelay+rand.N(maxRetryDelay-minRetryDelay))
	if wait > maxResendWait || p.now().Add(wait).Sub(record.FirstPresented) > CodeLifetime {
		return false
	}
	return e.await(ctx, nil, wait) == nil
}

// refusalReason says why a login ends whose code Signicat refused. When the code was sent before
// without an answer, that sending may have used it.
func refusalReason(sentBefore time.Time, refusal error) string {
	var failure *signicat.Error
	repeated := errors.As(refusal, &failure) && failure.Repeated
	if repeated || !sentBefore.IsZero() {
		return reasonAnswerLost
	}
	return reasonCodeRefused
}

func (e *Engine) markValidated(ctx context.Context, record *pending.Record, p Return) error {
	before := *record
	record.Phase = pending.Validated
	record.ValidatedAt = p.now()
	err := e.update(ctx, before, record, event{kind: eventAccept}, record.ValidatedAt)
	if err == nil {
		e.config.Observe.Validated(record)
	}
	return err
}
