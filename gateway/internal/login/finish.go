package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// FinishWait bounds the time that one call waits for a login to finish. The next call continues.
	FinishWait = 10 * time.Second
	// LoserWait bounds the time that a call waits for another call that finishes the same login.
	LoserWait = 2 * time.Second
	// PollInterval is the time after which a client should ask again.
	PollInterval = 2 * time.Second
	// pollStore is the interval at which a waiting call looks for changes of other replicas.
	pollStore = 250 * time.Millisecond
	// finishLimit bounds the work of one call. It is shorter than Lease: the lease holder must stop before
	// another call may take over.
	finishLimit = Lease - 5*time.Second
)

// AuthorizationResponse holds the code and the state of a redirect.
type AuthorizationResponse struct {
	State, Code string
	// Key is the thumbprint of the key of which the client that presents both has shown a proof. Empty without a proof.
	Key string
}

// Finished is a login that ended with a token.
type Finished struct {
	*store.Record
	// Refresh is the newest refresh token of an app's login, which no app has used yet. A repeated finish
	// returns it too: an older one would look like a stolen copy. It is empty for a login without refresh.
	Refresh string
}

// Finish continues a login that is bound to the caller, within [FinishWait], and returns its record with the
// token. Of all calls, on any replica, one does the work. Finish does not change the record that it is given.
func (e *Engine) Finish(ctx context.Context, loaded *store.Record, response AuthorizationResponse) (Finished, error) {
	if e.config.KeyRequired && loaded.Kind == store.App && response.Key == "" {
		return Finished{}, errNoProof
	}
	ctx, cancel := context.WithTimeout(ctx, FinishWait)
	defer cancel()
	record := new(store.Record)
	*record = *loaded // the work may outlive this call
	giveUp := e.config.Now().Add(LoserWait)
	for {
		clock, sent := e.driver.clock(record), record.SentAt
		var f *store.Family
		effect, err := e.driver.claim(ctx, record, sha256.Sum256([]byte(response.Code)), response.Key, clock())
		switch {
		case err != nil:
		case effect == effectReplay:
			f, err = e.replay(ctx, record, clock)
		case record.Phase.Ended():
			err = Ended(record)
		case effect == effectNone:
			err = e.awaitHolder(ctx, record, giveUp)
		default:
			h := &leaseHolder{driver: e.driver, issuer: e.issuer, record: record, response: response, effect: effect, now: clock, sent: sent}
			f, err = h.finish(ctx)
		}
		switch {
		case err == nil && record.Phase == store.Issued:
			return Finished{record, refreshTokenOf(f)}, nil
		case err != nil && !lostRace(err):
			return Finished{}, err
		}
		if record, err = e.FindByState(ctx, response.State); err != nil {
			return Finished{}, err
		}
	}
}

// LoginID returns the login of an issued record, and the empty string for every other record.
func LoginID(record *store.Record) string {
	if record.Phase != store.Issued {
		return ""
	}
	return loginIDOf(record.TokenID)
}

// awaitHolder waits once for a change, at most pollStore. It returns [ErrUnfinished] after the time giveUp.
func (e *Engine) awaitHolder(ctx context.Context, record *store.Record, giveUp time.Time) error {
	if !e.config.Now().Before(giveUp) {
		return ErrUnfinished
	}
	if err := e.driver.awaitChange(ctx, record.ID, pollStore); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return nil
}

// replay makes record hold a usable token for a repeated finish. It returns ErrGrant after a logout or a
// revocation. It returns the login's family, nil for a login without refresh.
func (e *Engine) replay(ctx context.Context, record *store.Record, clock func() time.Time) (*store.Family, error) {
	if err := e.issuer.checkIssued(ctx, record); err != nil {
		return nil, err
	}
	f, err := e.issuer.familyOf(ctx, record)
	if err != nil {
		return nil, err
	}
	if f != nil && f.KeyThumbprint != record.KeyThumbprint {
		return nil, wrap(ErrGrant, "the login was bound to a key since")
	}
	next, kept, err := e.issuer.reissue(ctx, record, f)
	switch {
	case err != nil:
		return nil, err
	case next == issued{}:
		return f, nil
	case kept:
		record.Token, record.TokenID, record.TokenExpiresAt = next.token, next.id, next.expires
	default:
		if _, err := e.driver.apply(ctx, record, event{kind: eventReissue, issued: next}, clock()); err != nil {
			return nil, err
		}
	}
	return f, e.issuer.checkIssued(ctx, record)
}

// leaseHolder has the lease of a login. It sends the code to Signicat, reads the session and has a token signed.
// Each of these is the effect of a transition and yields the next event.
type leaseHolder struct {
	*driver
	issuer   *issuer
	record   *store.Record
	response AuthorizationResponse
	now      func() time.Time // the store's clock

	sent     time.Time // when the code was sent before this lease; zero when it was not
	effect   effect    // to perform next
	session  *signicat.Session
	readAt   time.Time       // when session was read
	failed   *signicat.Error // the last failed call
	unsent   bool            // the code was never sent
	accepted bool            // Signicat accepted the code
	family   *store.Family   // of the token that was signed; nil for a login without refresh
}

// finish does the work of the lease holder. It continues when the caller hangs up, so that a code that was
// sent is not lost: the next call finds its result. After [ErrUnfinished] the work may still change the
// record, so the caller must not read it. It returns the family of the token that was signed.
func (h *leaseHolder) finish(ctx context.Context) (*store.Family, error) {
	done := make(chan error, 1)
	deadline, _ := ctx.Deadline()
	h.runDetached(ctx, finishLimit, func(work context.Context) {
		work, traced := startSpan(work, spanComplete, h.record.Kind)
		// Reading the session stops with the caller's wait. A code that was sent has until
		// finishLimit.
		readCtx, cancel := context.WithDeadline(work, deadline)
		defer cancel()
		err := h.run(work, readCtx)
		if err != nil && !h.record.Phase.Ended() {
			h.release(work)
		}
		h.changes.announce(h.record.ID)
		endComplete(traced, h.record, err)
		done <- err
	})
	select {
	case err := <-done:
		return h.family, err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnfinished, ctx.Err())
	}
}

// run performs effects until the login ends. A step may yield both an event and an error. If the event does not
// end the login, the client gets the error.
func (h *leaseHolder) run(ctx, readCtx context.Context) error {
	for {
		wasRead := h.effect == effectReadResult
		e, failure := h.perform(ctx, readCtx)
		if e.kind != noEvent {
			e.failed, e.session, e.readAt = h.failed, h.session, h.readAt
			effect, err := h.apply(ctx, h.record, e, h.now())
			if err != nil {
				return err
			}
			h.effect = effect
		}
		switch {
		case h.record.Phase == store.Issued:
			return nil
		case h.record.Phase.Ended():
			return Ended(h.record)
		case wasRead && failure != nil && !errors.Is(failure, ErrUnfinished):
			h.config.Logger.WarnContext(ctx, "a session could not be read at Signicat", errorAttr(failure))
			return signicatError(failure)
		case failure != nil:
			return failure
		}
	}
}

// perform performs the effect of the last transition.
func (h *leaseHolder) perform(ctx, readCtx context.Context) (event, error) {
	switch h.effect {
	case effectValidate:
		return h.validate(ctx)
	case effectReadResult:
		return h.readResult(readCtx)
	case effectIssue:
		e, f, err := h.issuer.issue(ctx, h.record, h.session)
		h.family = f
		return e, err
	}
	return event{}, errors.New("no effect to perform")
}

// release gives the lease back, so that the next call does not wait for its end.
func (h *leaseHolder) release(ctx context.Context) {
	// The work may have used all its time. The lease lasts a little longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Lease-finishLimit)
	defer cancel()
	e := event{kind: eventRelease, failed: h.failed, unsent: h.unsent, accepted: h.accepted}
	if _, err := h.apply(ctx, h.record, e, h.now()); err != nil {
		h.config.Logger.DebugContext(ctx, "the lease of a login could not be released", errorAttr(err))
	}
}

// failureIn returns the failed call to Signicat in an error, or else the one before it.
func failureIn(err error, before *signicat.Error) *signicat.Error {
	if failure, ok := errors.AsType[*signicat.Error](err); ok {
		return failure
	}
	return before
}
