package login

import (
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// CodeLifetime bounds the age of a code, from its first presentation with the binding. Source: itsme's
	// authorization codes live three minutes, https://belgianmobileid.github.io/doc/authentication/.
	CodeLifetime = 180 * time.Second
	// Lease is the time in which only one call may finish a login.
	Lease = 30 * time.Second
)

// transition applies an event to a login. It returns the next record, and the effect that its caller
// performs. It returns r itself when nothing changes, and never changes r. now is the store's clock.
//
//	           Pending                Validating          Validated           Issued     ended
//	present    Validating > validate  lease > validate    lease > result      > replay   -
//	cancel     ended > drop           refused             refused             refused    -
//	expire     if late: ended > drop  the same            the same            -          -
//	read       ended, or -            x                   x                   x          x
//	send       x                      SentAt > validate   x                   x          x
//	accept     x                      Validated > result  x                   x          x
//	refuse     x                      Failed > drop       x                   x          x
//	result     x                      x                   ended, or > issue   x          x
//	no result  x                      x                   ended > drop, or -  x          x
//	reject     x                      x                   Failed              x          x
//	issue      x                      x                   Issued              x          x
//	release    x                      no lease (1)        no lease            x          x
//	reissue    x                      x                   x                   Token      x
//
// The effect follows >. drop cancels the session at Signicat; a late SUCCESS has that effect too. A dash changes
// nothing. An error changes nothing either: x is [store.ErrConflict], because another call was faster; refused
// is [ErrConflict]. present returns ErrGrant for another code. Without the login's key it returns ErrGrant or
// [dpop.ErrProof]. (1) If Signicat accepted the code, the phase
// becomes Validated.
//
// On present, the caller waits (-) while a holder has the lease. present ends a login that is late, as expire
// does. A login is late when its session expired, its code is too old, or its accepted code has no SUCCESS in
// time. No login is late while a holder has the lease.
func transition(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	switch e.kind {
	case eventPresent:
		return present(r, e, now)
	case eventCancel:
		return cancel(r, e, now)
	case eventExpire:
		return expire(r, now)
	}
	switch {
	case r.Phase == store.Pending && e.kind == eventRead:
		return endWithSession(r, e, now)
	case r.Phase == store.Validating:
		return validating(r, e, now)
	case r.Phase == store.Validated:
		return validated(r, e, now)
	case r.Phase == store.Issued && e.kind == eventReissue:
		next := *r
		next.Token, next.TokenID, next.TokenExpiresAt = e.issued.token, e.issued.id, e.issued.expires
		return &next, effectNone, nil
	}
	return r, effectNone, store.ErrConflict
}

// present answers a bound client that presents a code: it returns the issued token, waits for the lease
// holder, or becomes the holder.
func present(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	first := r.FirstPresented.IsZero()
	same := subtle.ConstantTimeCompare(r.CodeHash[:], e.code[:]) == 1
	if err := checkKey(r, e.key); err != nil && (r.Phase == store.Issued || !r.Phase.Ended()) {
		return r, effectNone, err
	}
	switch {
	case r.Phase == store.Issued && (!same || r.Token == ""):
		return r, effectNone, fmt.Errorf("%w: the code was used", ErrGrant)
	case r.Phase == store.Issued:
		return r, effectReplay, nil
	case r.Phase.Ended():
		return r, effectNone, nil
	case !first && !same:
		return r, effectNone, fmt.Errorf("%w: another code", ErrGrant)
	case now.Before(r.LeaseUntil):
		return r, effectNone, nil
	}
	if next, effect, _ := expire(r, now); next != r {
		return next, effect, nil
	}
	next := *r
	if first {
		next.Phase, next.CodeHash, next.FirstPresented = store.Validating, e.code, now
		if e.key != "" {
			next.BindKey(e.key)
		}
	}
	next.LeaseUntil = now.Add(Lease)
	next.Fence++
	if next.Phase == store.Validated {
		return &next, effectReadResult, nil
	}
	return &next, effectValidate, nil
}

// checkKey refuses a client without the key of a login, before anything changes. The first finish of a login that began
// without a key fixes its key, or that it has none.
func checkKey(r *store.Record, key string) error {
	open := r.FirstPresented.IsZero() && r.KeyThumbprint == ""
	switch {
	case open, key == r.KeyThumbprint:
		return nil
	case key == "":
		return errNoProof
	}
	return wrap(ErrGrant, "another key")
}

// cancel ends a login for the client that started it. A login that is being finished continues: its code may
// be at Signicat already.
func cancel(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	switch {
	case r.Phase == store.Issued, r.Phase == store.Validating, r.Phase == store.Validated:
		return r, effectNone, ErrConflict
	case r.Phase.Ended():
		return r, effectNone, nil
	}
	switch e.cancel {
	case "":
		return end(r, e, now, store.Cancelled, reasonCancelled), effectCancelAtSignicat, nil
	case "access_denied":
		return end(r, e, now, store.Denied, reasonDenied), effectCancelAtSignicat, nil
	}
	return end(r, e, now, store.Failed, reasonRedirect), effectCancelAtSignicat, nil
}

// expire ends a login that is late, unless a holder has the lease.
func expire(r *store.Record, now time.Time) (*store.Record, effect, error) {
	endLate := func(phase store.Phase, reason string) (*store.Record, effect, error) {
		return end(r, event{}, now, phase, reason), effectCancelAtSignicat, nil
	}
	switch {
	case r.Phase.Ended(), now.Before(r.LeaseUntil):
	case r.Phase == store.Validated:
		if windowOver(r, now) {
			return endLate(store.Failed, reasonNoSuccess)
		}
	case !now.Before(r.ExpiresAt):
		return endLate(store.Expired, reasonExpired)
	case r.Phase == store.Validating && now.Sub(r.FirstPresented) > CodeLifetime:
		return endLate(store.Expired, reasonCodeAge)
	}
	return r, effectNone, nil
}

// endWithSession ends a login whose session ended at Signicat. SUCCESS ends nothing: the login still needs its code.
func endWithSession(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	switch {
	case e.gone:
		return end(r, e, now, store.Expired, reasonExpired), effectNone, nil
	case e.session == nil:
		return r, effectNone, nil
	}
	if how, over := signicatEndings[e.session.Status]; over {
		return end(r, e, now, how.phase, how.reason), effectNone, nil
	}
	return r, effectNone, nil
}

// validating applies an event about the code.
func validating(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	next := *r
	switch e.kind {
	case eventSend:
		if !r.SentAt.IsZero() {
			return r, effectValidate, nil
		}
		next.SentAt = now
		note(&next, e)
		return &next, effectValidate, nil
	case eventAccept:
		next.Phase, next.ValidatedAt = store.Validated, now
		note(&next, e)
		return &next, effectReadResult, nil
	case eventRefuse:
		reason := reasonCodeRefused
		if e.lost {
			// The code was sent before without an answer. That call may have used it.
			reason = reasonAnswerLost
		}
		return end(r, e, now, store.Failed, reason), effectCancelAtSignicat, nil
	case eventRelease:
		next.LeaseUntil = time.Time{}
		if e.unsent {
			next.SentAt = time.Time{}
		}
		if e.accepted {
			next.Phase, next.ValidatedAt = store.Validated, now
		}
		note(&next, e)
		return &next, effectNone, nil
	}
	return r, effectNone, store.ErrConflict
}

// validated applies an event about the session of an accepted code. A SUCCESS counts only within
// [SuccessWindow], and if checkResult accepts it.
func validated(r *store.Record, e event, now time.Time) (*store.Record, effect, error) {
	over := windowOver(r, now)
	switch e.kind {
	case eventResult:
		if e.session == nil {
			return r, effectNone, store.ErrConflict
		}
		how, terminal := signicatEndings[e.session.Status]
		switch {
		case terminal:
			return end(r, e, now, how.phase, how.reason), effectNone, nil
		case e.session.Status != signicat.StatusSuccess:
			return r, effectNone, fmt.Errorf("%w: the session is %q", ErrSignicat, e.session.Status)
		case over:
			return end(r, e, now, store.Failed, reasonNoSuccess), effectCancelAtSignicat, nil
		}
		if reason := checkResult(r, e.session); reason != "" {
			return end(r, e, now, store.Failed, reason), effectNone, nil
		}
		return r, effectIssue, nil
	case eventNoResult:
		switch {
		case over:
			return end(r, e, now, store.Failed, reasonNoSuccess), effectCancelAtSignicat, nil
		case e.gone:
			return end(r, e, now, store.Expired, reasonExpired), effectCancelAtSignicat, nil
		}
		return r, effectNone, nil
	case eventReject:
		return end(r, e, now, store.Failed, e.reason), effectNone, nil
	case eventIssue:
		if !success(r, e.session, e.readAt) {
			return r, effectNone, store.ErrConflict
		}
		next := end(r, e, now, store.Issued, reasonIssued)
		next.Subject, next.AuthTime, next.IssuedAt = e.issued.subject, e.issued.authAt, e.issued.at
		next.Token, next.TokenID, next.TokenExpiresAt = e.issued.token, e.issued.id, e.issued.expires
		return next, effectNone, nil
	case eventRelease:
		next := *r
		next.LeaseUntil = time.Time{}
		note(&next, e)
		return &next, effectNone, nil
	}
	return r, effectNone, store.ErrConflict
}

// end returns the record of a login that ends now.
func end(r *store.Record, e event, now time.Time, phase store.Phase, reason string) *store.Record {
	next := *r
	next.Phase, next.Reason, next.EndedAt, next.LeaseUntil = phase, reason, now, time.Time{}
	note(&next, e)
	return &next
}

// statusOK is the HTTP status of the answer in which Signicat reports the end of a session.
const statusOK = 200

// note records for the log line of the end what failed: the last failed call to Signicat, or the error of a
// session that Signicat ended.
func note(r *store.Record, e event) {
	if e.failed != nil {
		r.FailedCall, r.FailedStatus = e.failed.Operation, uint64(e.failed.StatusCode)
		r.FailedCode, r.FailedTraceID = e.failed.Code, e.failed.TraceID
	}
	if e.session == nil || e.session.Error == nil {
		return
	}
	if _, ended := signicatEndings[e.session.Status]; ended {
		r.FailedCall, r.FailedStatus = signicat.OperationReadSession, statusOK
		r.FailedCode, r.FailedTraceID = e.session.Error.LogCode(), ""
	}
}

// signicatEndings maps a terminal status of Signicat, except SUCCESS, to the end of the login.
var signicatEndings = map[signicat.Status]struct {
	phase  store.Phase
	reason string
}{
	signicat.StatusAbort:     {store.Aborted, reasonAborted},
	signicat.StatusError:     {store.Failed, reasonError},
	signicat.StatusInvalid:   {store.Failed, reasonInvalid},
	signicat.StatusCancelled: {store.Cancelled, reasonElsewhere},
	signicat.StatusExpired:   {store.Expired, reasonExpired},
}
