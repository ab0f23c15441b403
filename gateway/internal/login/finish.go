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
	// FinishWait is how long one call waits for a login to finish; the next call goes on.
	FinishWait = 10 * time.Second
	// LoserWait is how long a call waits for another one that finishes the same login.
	LoserWait = 2 * time.Second
	// Interval is how often a client should ask again.
	Interval = 2 * time.Second
	// pollStore is how often a waiting call looks for what another replica did.
	pollStore = 250 * time.Millisecond
	// finishLimit bounds the work behind one call. It stays under Lease, so that the lease
	// holder is done before another may take over.
	finishLimit = Lease - 5*time.Second
)

// Return is a code as it came back, with the state that it came with.
type Return struct{ State, Code string }

// Find finds the pending session of a state.
func (e *Engine) Find(ctx context.Context, state string) (*store.Record, error) {
	return e.driver.find(ctx, state)
}

// Finish brings a login that is bound to the caller as far as it goes within [FinishWait], and
// returns its record with the token. Of any number of calls, on any replica, one does the work.
// The record that it is given stays as it is.
func (e *Engine) Finish(ctx context.Context, loaded *store.Record, back Return) (*store.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, FinishWait)
	defer cancel()
	record := new(store.Record)
	*record = *loaded // the work may outlive this call
	loser := e.config.Now().Add(LoserWait)
	for {
		now := e.driver.clock(record)
		effect, err := e.driver.apply(ctx, record, event{kind: eventPresent, code: sha256.Sum256([]byte(back.Code))}, now())
		switch {
		case err != nil:
		case effect == effectIssue:
			err = e.replay(ctx, record, now)
		case record.Phase.Ended():
			err = ended(record)
		case effect == effectNone:
			err = e.awaitHolder(ctx, record, loser)
		default:
			h := &holder{driver: e.driver, issuer: e.issuer, record: record, back: back, effect: effect, now: now}
			err = h.finish(ctx)
		}
		switch {
		case err == nil && record.Phase == store.Issued:
			return record, nil
		case err != nil && !lostRace(err):
			return nil, err
		}
		if record, err = e.driver.find(ctx, back.State); err != nil {
			return nil, err
		}
	}
}

// awaitHolder waits a while for the holder of the lease.
func (e *Engine) awaitHolder(ctx context.Context, record *store.Record, loser time.Time) error {
	if !e.config.Now().Before(loser) {
		return ErrUnfinished
	}
	if err := e.driver.awaitChange(ctx, record.ID, pollStore); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return nil
}

// replay hands out an issued login again, to the same finish, for as long as the record is kept, and
// never after a logout or a revocation.
func (e *Engine) replay(ctx context.Context, record *store.Record, now func() time.Time) error {
	if err := e.issuer.checkIssued(ctx, record); err != nil {
		return err
	}
	next, kept, err := e.issuer.again(ctx, record)
	switch {
	case err != nil:
		return err
	case next == issued{}:
		return nil
	case kept:
		record.Token, record.TokenID, record.TokenExpiresAt = next.token, next.id, next.expires
	default:
		if _, err := e.driver.apply(ctx, record, event{kind: eventReissue, issued: next}, now()); err != nil {
			return err
		}
	}
	return e.issuer.checkIssued(ctx, record)
}

// holder has the lease of a login: it takes the code to Signicat, reads the session and has a token
// signed. Each of these is the effect of a transition, and yields the event of the next one.
type holder struct {
	*driver
	issuer *issuer
	record *store.Record
	back   Return
	now    func() time.Time // the store's clock

	effect   effect            // what is to be done
	session  *signicat.Session // that was read, at read
	read     time.Time
	failed   *signicat.Error // the last call that failed
	unsent   bool            // the first sending of the code never left
	accepted bool            // Signicat accepted the code
}

// finish does the work of the lease holder. It goes on when the caller hangs up, so that a code
// that was sent is not lost: the next call finds its outcome. After [ErrUnfinished] the record is still
// the work's: the caller does not look at it.
func (h *holder) finish(ctx context.Context) error {
	done := make(chan error, 1)
	deadline, _ := ctx.Deadline()
	h.after(ctx, finishLimit, func(work context.Context) {
		work, traced := startSpan(work, spanComplete, h.record.Kind)
		// The reading of the session ends with the caller's wait; a code that is under way
		// has until finishLimit.
		reading, cancel := context.WithDeadline(work, deadline)
		defer cancel()
		err := h.run(work, reading)
		if err != nil && !h.record.Phase.Ended() {
			h.release(work)
		}
		h.changes.announce(h.record.ID)
		endComplete(traced, h.record, err)
		done <- err
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnfinished, ctx.Err())
	}
}

// run performs effects until the login ends. An event may come with an error, for the client of a
// login that the event does not end.
func (h *holder) run(ctx, reading context.Context) error {
	for {
		reads := h.effect == effectRead
		e, failure := h.perform(ctx, reading)
		if e.kind != noEvent {
			e.failed, e.session, e.read = h.failed, h.session, h.read
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
			return ended(h.record)
		case reads && failure != nil && !errors.Is(failure, ErrUnfinished):
			h.config.Logger.WarnContext(ctx, "reading a session", errorAttr(failure))
			return signicatError(failure)
		case failure != nil:
			return failure
		}
	}
}

// perform does what the last transition asks for.
func (h *holder) perform(ctx, reading context.Context) (event, error) {
	switch h.effect {
	case effectValidate:
		return h.validate(ctx)
	case effectRead:
		return h.readResult(reading)
	case effectIssue:
		return h.issuer.issue(ctx, h.record, h.session)
	}
	return event{}, errors.New("a login under way has nothing to do")
}

// release gives the lease back, so that the next call need not wait for its end.
func (h *holder) release(ctx context.Context) {
	// The work may have taken all its time; the lease lasts a little longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Lease-finishLimit)
	defer cancel()
	e := event{kind: eventRelease, failed: h.failed, unsent: h.unsent, accepted: h.accepted}
	if _, err := h.apply(ctx, h.record, e, h.now()); err != nil {
		h.config.Logger.DebugContext(ctx, "releasing a lease", errorAttr(err))
	}
}

// failureIn returns the failed call to Signicat that an error is about, or else the one before it.
func failureIn(err error, before *signicat.Error) *signicat.Error {
	if failure, ok := errors.AsType[*signicat.Error](err); ok {
		return failure
	}
	return before
}
