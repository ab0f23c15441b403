package login

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// maxSendings bounds the calls with one code: one, and one more when the answer was lost.
	maxSendings = 2
	// maxResendWait bounds the wait before the code is sent again. After a longer Retry-After the client must
	// ask again.
	maxResendWait = 3 * time.Second
)

// verdict is the meaning of Signicat's answer to a code.
type verdict uint8

const (
	// codeAccepted: a 2xx of Signicat.
	codeAccepted verdict = iota
	// codeRefused: 400 or 404. Final for this code.
	codeRefused
	// credentialsRefused: 401, 403, or no access token. The code is still valid.
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

// validate sends the code until an answer settles it, at most maxSendings times. It does not read the
// session: a SUCCESS proves nothing about this code.
func (h *leaseHolder) validate(ctx context.Context) (event, error) {
	for sending := 1; ; sending++ {
		before := h.sent // by an earlier lease
		if sending > 1 {
			before = h.record.SentAt // by this one
		}
		err := h.signicat.ValidateCode(ctx, h.response.validation(h.record))
		h.failed = failureIn(err, h.failed)
		switch verdictOf(err) {
		case codeAccepted:
			h.accepted = true
			return event{kind: eventAccept}, nil
		case codeRefused:
			return event{kind: eventRefuse, lost: answerWasLost(before, err)}, nil
		case credentialsRefused:
			h.unsent = neverSent(err) && before.IsZero()
			h.config.Logger.ErrorContext(ctx, "no access to Signicat for validating a code", errorAttr(err))
			return event{}, signicatError(err)
		}
		h.config.Logger.WarnContext(ctx, "the answer to a code validation was lost", errorAttr(err))
		err = signicatError(err)
		if sending == maxSendings || !h.waitToResend(ctx, RetryAfter(err)) {
			return event{}, err
		}
		h.config.Observe.Retry(signicat.OperationValidateCode)
	}
}

// validation returns the call that sends the code.
func (r AuthorizationResponse) validation(record *store.Record) signicat.CodeValidation {
	return signicat.CodeValidation{
		TokenRequestURL: record.TokenRequestURL,
		Code:            r.Code,
		State:           r.State,
		TransactionID:   record.TransactionID,
		AccountID:       record.AccountID,
	}
}

// waitToResend waits before the code is sent again. It returns false when this call may not send it again.
func (h *leaseHolder) waitToResend(ctx context.Context, asked time.Duration) bool {
	wait := max(asked, minRetryDelay+rand.N(maxRetryDelay-minRetryDelay))
	if wait > maxResendWait || h.now().Add(wait).Sub(h.record.FirstPresented) > CodeLifetime {
		return false
	}
	return h.await(ctx, nil, wait) == nil
}

// answerWasLost reports whether an earlier call with the code had no answer. That call may have used the
// code.
func answerWasLost(sentBefore time.Time, refusal error) bool {
	failure, _ := errors.AsType[*signicat.Error](refusal)
	return !sentBefore.IsZero() || failure != nil && failure.Repeated
}
