package login

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// MaxWait bounds a long poll of a session's status.
	MaxWait = 25 * time.Second
	// statusPatience is how long a status waits for a read that is under way.
	statusPatience = 500 * time.Millisecond
	// statusReadLimit bounds such a read.
	statusReadLimit = 10 * time.Second
	// A long poll looks for what another replica did after minLook, and then ever more rarely,
	// down to once in MaxLook; each time up to a fifth later, at random, so that those that began
	// together part.
	minLook = 500 * time.Millisecond
	MaxLook = 2 * time.Second
)

// Status returns a session's record: at once, or with a wait when it has ended. A read of
// Signicat that is under way is waited for, shortly. Where client holds too many long polls, or
// all clients together do, the record is returned at once, and early is true. So it is when the
// gateway ends the wait.
func (e *Engine) Status(ctx context.Context, id string, client netip.Addr, wait time.Duration) (_ *pending.Record, early bool, _ error) {
	if wait > 0 {
		if done := e.polls.take(client); done != nil {
			defer done()
			return e.poll(ctx, id, wait)
		}
	}
	record, err := e.Session(ctx, id)
	if err != nil {
		return nil, false, err
	}
	early = wait > 0
	if read := e.askStatus(ctx, record); read == nil || e.await(ctx, read, statusPatience) != nil {
		return record, early, nil
	}
	record, err = e.Session(ctx, id)
	return record, early, err
}

// poll returns a session's record when it has ended, or what there is when the wait is over.
func (e *Engine) poll(ctx context.Context, id string, wait time.Duration) (_ *pending.Record, early bool, _ error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	over := false
	for look := minLook; ; look = min(2*look, MaxLook) {
		// Watched before it is loaded, so that no change falls in between.
		changed, done := e.changes.watch(id)
		record, err := e.Session(ctx, id)
		if err != nil || record.Phase.Ended() || over {
			done()
			return record, waiting.Err() == nil, err
		}
		e.askStatus(ctx, record)
		over = e.await(waiting, changed, look+rand.N(look/5)) != nil
		done()
	}
}

// Session loads a record by its public name and ends one whose time is over.
func (e *Engine) Session(ctx context.Context, id string) (*pending.Record, error) {
	record, err := e.store.Load(ctx, id)
	if errors.Is(err, pending.ErrNotFound) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, storeError(err)
	}
	if late, over := overdue(record); over {
		err := e.giveUp(ctx, record, late, event{kind: eventLook})
		if errors.Is(err, ErrStore) {
			return nil, err
		}
		if lostRace(err) {
			return e.Session(ctx, id)
		}
	}
	return record, nil
}

// askStatus has a session read that nobody is finishing. It returns a channel that is closed when
// the read that is under way is over, nil when there is none.
func (e *Engine) askStatus(ctx context.Context, record *pending.Record) (done <-chan struct{}) {
	if record.Phase != pending.Pending || e.signicat.refusal() != nil {
		return nil
	}
	return e.statusPolls.ask(record.ID, record.Client, trace.SpanFromContext(ctx))
}

// readStatus reads a session on behalf of those who wait.
func (e *Engine) readStatus(s *sessionRead) {
	ctx := trace.ContextWithSpan(context.Background(), s.span)
	e.after(ctx, statusReadLimit, func(ctx context.Context) {
		defer e.statusPolls.over(s)
		if err := e.readSession(ctx, s.id); err != nil {
			e.log.DebugContext(ctx, "reading the status of a session", errorAttr(err))
		}
	})
}

// readSession reads a session, unless another replica has just done so, and notes what it shows.
func (e *Engine) readSession(ctx context.Context, id string) error {
	record, err := e.Session(ctx, id)
	if err != nil || record.Phase != pending.Pending {
		return err
	}
	wait, err := e.store.Allow(ctx, "status:"+id, 1, statusEvery)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return nil
	}
	err = e.noteStatus(ctx, record)
	if record.Phase.Ended() || errors.Is(err, pending.ErrConflict) {
		return nil
	}
	return err
}

// noteStatus reads a session and changes its record by what it shows. The record is as it was
// before the read: a finish that began meanwhile makes the update lose, and so does no harm.
func (e *Engine) noteStatus(ctx context.Context, record *pending.Record) error {
	session, err := e.signicat.ReadStatus(ctx, record.SignicatID)
	noteFailure(record, err)
	switch {
	case errors.Is(err, signicat.ErrNotFound):
		return e.end(ctx, record, pending.Expired, reasonExpired, event{kind: eventSeen, gone: true})
	case err != nil:
		return err
	case session.Status == signicat.StatusSuccess:
		return nil // its code is still to come, and decides
	case session.Status.Terminal():
		return e.endAs(ctx, record, session, event{kind: eventSeen, session: session})
	}
	return nil
}
