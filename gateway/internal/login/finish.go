package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// FinishWait is how long one call waits for a login to finish; the next call goes on.
	FinishWait = 10 * time.Second
	// Lease is how long one finisher has a login for itself.
	Lease = 30 * time.Second
	// LoserWait is how long a call waits for another one that finishes the same login.
	LoserWait = 2 * time.Second
	// Interval is how often a client should ask again.
	Interval = 2 * time.Second
	// pollStore is how often a waiting call looks for what another replica did.
	pollStore = 250 * time.Millisecond
	// finishLimit bounds the work behind one call. It stays under Lease, so that the lease
	// holder is done before anybody may take over.
	finishLimit = Lease - 5*time.Second
)

// Return is a code as it came back, with the state that it came with.
type Return struct {
	State string
	Code  string
	now   func() time.Time // the store's clock, which Finish sets
}

func (p Return) hash() [sha256.Size]byte { return sha256.Sum256([]byte(p.Code)) }

// Find finds the pending session of a state. The look-up by hash is the comparison of the
// state; the second one makes it independent of what a store takes for equal.
func (e *Engine) Find(ctx context.Context, state string) (*pending.Record, error) {
	id := SessionID(state)
	record, err := e.store.Load(ctx, id)
	if errors.Is(err, pending.ErrNotFound) {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if subtle.ConstantTimeCompare([]byte(record.ID), []byte(id)) != 1 {
		return nil, fmt.Errorf("%w: unknown state", ErrGrant)
	}
	return record, nil
}

// Finish brings a login that is bound to the caller as far as it goes within [FinishWait], and
// returns its record with the token. Of any number of calls, on any replica, one does the work.
// The record that it is given stays as it is.
func (e *Engine) Finish(ctx context.Context, loaded *pending.Record, p Return) (*pending.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, FinishWait)
	defer cancel()
	record := new(pending.Record)
	*record = *loaded // the work may outlive this call
	loser := e.now().Add(LoserWait)
	for {
		p.now = e.clockOf(record)
		holder, err := e.take(ctx, record, p)
		switch {
		case err == nil && record.Phase == pending.Issued:
			return record, nil
		case err == nil && holder:
			if record, err = e.drive(ctx, record, p); !lostRace(err) {
				return record, err
			}
		case lostRace(err):
		case err != nil:
			return nil, err
		default:
			if !e.now().Before(loser) {
				return nil, ErrUnfinished
			}
			if err := e.awaitChange(ctx, record.ID, pollStore); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnfinished, err)
			}
		}
		if record, err = e.Find(ctx, p.State); err != nil {
			return nil, err
		}
	}
}

// clockOf returns the store's clock, by a record that was just loaded. Replicas pass a login on to
// each other within seconds, and their own clocks differ by more.
func (e *Engine) clockOf(record *pending.Record) func() time.Time {
	ahead := record.ReadAt.Sub(e.now())
	return func() time.Time { return e.now().Add(ahead) }
}

// lostRace reports whether another call changed or ended the record first: look again.
func lostRace(err error) bool {
	return errors.Is(err, pending.ErrConflict) || errors.Is(err, pending.ErrNotFound)
}

// take decides what a bound call may do with a record: hand out what was issued, refuse, wait
// for the holder of the lease, or take the lease (holder).
func (e *Engine) take(ctx context.Context, record *pending.Record, p Return) (holder bool, err error) {
	now, before := p.now(), *record
	hash := p.hash()
	same := subtle.ConstantTimeCompare(record.CodeHash[:], hash[:]) == 1
	late, over := overdue(record)
	switch first := record.FirstPresented.IsZero(); {
	case record.Phase == pending.Issued:
		return false, e.replay(ctx, record, same)
	case record.Phase.Ended():
		return false, ended(record)
	case !first && !same:
		return false, fmt.Errorf("%w: another code", ErrGrant)
	case over:
		return false, e.giveUp(ctx, record, late, event{kind: eventPresent, code: hash})
	case now.Before(record.LeaseUntil):
		return false, nil
	case first:
		record.Phase = pending.Validating
		record.CodeHash = hash
		record.FirstPresented = now
	}
	record.LeaseUntil = now.Add(Lease)
	record.Fence++
	err = e.update(ctx, before, record, event{kind: eventPresent, code: hash}, now)
	if err == nil && record.FirstPresented.Equal(now) {
		e.config.Observe.Returned(record)
	}
	return true, err
}

// replay hands out an issued login again, to the same finish, for as long as the record is kept, and
// never after a logout or a revocation.
func (e *Engine) replay(ctx context.Context, record *pending.Record, same bool) error {
	if !same || record.Token == "" {
		return fmt.Errorf("%w: the code was used", ErrGrant)
	}
	if err := e.checkIssued(ctx, record); err != nil {
		return err
	}
	return e.renewIssued(ctx, record)
}

// drive does the work of the lease holder. It goes on when the caller hangs up, so that a code
// that was sent is not lost: the next call finds what became of it.
func (e *Engine) drive(ctx context.Context, record *pending.Record, p Return) (*pending.Record, error) {
	type result struct {
		record *pending.Record
		err    error
	}
	done := make(chan result, 1)
	deadline, _ := ctx.Deadline()
	e.after(ctx, finishLimit, func(work context.Context) {
		work, traced := startSpan(work, spanComplete, record.Kind)
		// The reading of the session ends with the caller's wait; a code that is under way
		// has until finishLimit.
		reading, cancel := context.WithDeadline(work, deadline)
		defer cancel()
		err := e.complete(work, reading, record, p)
		if err != nil && !record.Phase.Ended() {
			e.release(work, record)
		}
		e.changes.announce(record.ID)
		endComplete(traced, record, err)
		done <- result{record, err}
	})
	select {
	case r := <-done:
		return r.record, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnfinished, ctx.Err())
	}
}

// complete validates the code if that is still to be done, reads the session, and issues.
func (e *Engine) complete(ctx, reading context.Context, record *pending.Record, p Return) error {
	if record.Phase == pending.Validating {
		if err := e.validate(ctx, record, p); err != nil {
			return err
		}
	}
	session, err := e.readResult(reading, record)
	switch {
	case windowOver(record, p.now()) && (err != nil || session.Status == signicat.StatusSuccess):
		noteFailure(record, err)
		ev := event{kind: eventUnread}
		if err == nil {
			ev = event{kind: eventResult, session: session}
		}
		return e.giveUp(ctx, record, ending{pending.Failed, reasonNoSuccess}, ev)
	case err != nil:
		return e.conclude(ctx, record, err)
	}
	return e.issue(ctx, record, session)
}

// release gives the lease back, so that the next call need not wait for its end.
func (e *Engine) release(ctx context.Context, record *pending.Record) {
	// The work may have taken all its time; the lease lasts a little longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Lease-finishLimit)
	defer cancel()
	before := *record
	record.LeaseUntil = time.Time{}
	if err := e.update(ctx, before, record, event{kind: eventRelease}, e.now()); err != nil {
		e.log.DebugContext(ctx, "releasing a lease", errorAttr(err))
	}
}

// giveUp ends a login here and at Signicat, where its session may still be open.
func (e *Engine) giveUp(ctx context.Context, record *pending.Record, how ending, ev event) error {
	if err := e.end(ctx, record, how.phase, how.reason, ev); err != nil {
		return err
	}
	e.cancelLater(ctx, record.SignicatID)
	return ended(record)
}

// end marks a record as ended. Whoever loses the race gets pending.ErrConflict, with the record
// unchanged, and looks again.
func (e *Engine) end(ctx context.Context, record *pending.Record, phase pending.Phase, reason string, ev event) error {
	next := *record
	next.Phase = phase
	next.Reason = reason
	next.EndedAt = e.now()
	next.LeaseUntil = time.Time{}
	if err := e.update(ctx, *record, &next, ev, next.EndedAt); err != nil {
		return err
	}
	*record = next
	e.logEnd(ctx, record)
	e.config.Observe.Ended(record)
	return nil
}

// update is the only way in which a record changes.
func (e *Engine) update(ctx context.Context, before pending.Record, record *pending.Record, ev event, now time.Time) error {
	if Compare != nil {
		next, _, err := transition(&before, ev, now)
		Compare(before, *record, *next, err)
	}
	if err := e.store.Update(ctx, record); err != nil {
		return storeError(err)
	}
	e.changes.announce(record.ID)
	return nil
}

// Compare is called with every change that the code makes, and the one that transition makes.
var Compare func(before, old, table pending.Record, err error)
