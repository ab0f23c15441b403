package gateway

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
	// down to once in maxLook; each time up to a fifth later, at random, so that those that began
	// together part.
	minLook = 500 * time.Millisecond
	maxLook = 2 * time.Second
)

// status returns a session's record: at once, or with a wait when it has ended. A read of
// Signicat that is under way is waited for, shortly. Where client holds too many long polls, or
// all clients together do, the record is returned at once, and early is true. So it is when the
// gateway ends the wait.
func (g *Gateway) status(ctx context.Context, id string, client netip.Addr, wait time.Duration) (_ *pending.Record, early bool, _ error) {
	if wait > 0 {
		if done := g.polls.take(client); done != nil {
			defer done()
			return g.poll(ctx, id, wait)
		}
	}
	record, err := g.loadSession(ctx, id)
	if err != nil {
		return nil, false, err
	}
	early = wait > 0
	if read := g.askStatus(ctx, record); read == nil || g.await(ctx, read, statusPatience) != nil {
		return record, early, nil
	}
	record, err = g.loadSession(ctx, id)
	return record, early, err
}

// poll returns a session's record when it has ended, or what there is when the wait is over.
func (g *Gateway) poll(ctx context.Context, id string, wait time.Duration) (_ *pending.Record, early bool, _ error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	over := false
	for look := minLook; ; look = min(2*look, maxLook) {
		// Watched before it is loaded, so that no change falls in between.
		changed, done := g.changes.watch(id)
		record, err := g.loadSession(ctx, id)
		if err != nil || record.Phase.Ended() || over {
			done()
			return record, waiting.Err() == nil, err
		}
		g.askStatus(ctx, record)
		over = g.await(waiting, changed, look+rand.N(look/5)) != nil
		done()
	}
}

// loadSession loads a record by its public name and ends one whose time is over.
func (g *Gateway) loadSession(ctx context.Context, id string) (*pending.Record, error) {
	record, err := g.store.Load(ctx, id)
	if errors.Is(err, pending.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, storeError(err)
	}
	if late, over := overdue(record); over {
		err := g.giveUp(ctx, record, late)
		if errors.Is(err, errStore) {
			return nil, err
		}
		if lostRace(err) {
			return g.loadSession(ctx, id)
		}
	}
	return record, nil
}

// askStatus has a session read that nobody is finishing. It returns a channel that is closed when
// the read that is under way is over, nil when there is none.
func (g *Gateway) askStatus(ctx context.Context, record *pending.Record) (done <-chan struct{}) {
	if record.Phase != pending.Pending || g.signicat.refusal() != nil {
		return nil
	}
	return g.reads.ask(record.ID, record.Client, trace.SpanFromContext(ctx))
}

// readStatus reads a session on behalf of those who wait.
func (g *Gateway) readStatus(s *sessionRead) {
	ctx := trace.ContextWithSpan(context.Background(), s.span)
	g.after(ctx, statusReadLimit, func(ctx context.Context) {
		defer g.reads.over(s)
		if err := g.readSession(ctx, s.id); err != nil {
			g.log.DebugContext(ctx, "reading the status of a session", errorAttr(err))
		}
	})
}

// readSession reads a session, unless another replica has just done so, and notes what it shows.
func (g *Gateway) readSession(ctx context.Context, id string) error {
	record, err := g.loadSession(ctx, id)
	if err != nil || record.Phase != pending.Pending {
		return err
	}
	wait, err := g.store.Allow(ctx, "status:"+id, 1, statusEvery)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return nil
	}
	err = g.noteStatus(ctx, record)
	if record.Phase.Ended() || errors.Is(err, pending.ErrConflict) {
		return nil
	}
	return err
}

// noteStatus reads a session and changes its record by what it shows. The record is as it was
// before the read: a finish that began meanwhile makes the update lose, and so does no harm.
func (g *Gateway) noteStatus(ctx context.Context, record *pending.Record) error {
	session, err := g.signicat.ReadStatus(ctx, record.SignicatID)
	noteFailure(record, err)
	switch {
	case errors.Is(err, signicat.ErrNotFound):
		return g.end(ctx, record, pending.Expired, reasonExpired)
	case err != nil:
		return err
	case session.Status == signicat.StatusSuccess:
		return nil // its code is still to come, and decides
	case session.Status.Terminal():
		return g.endAs(ctx, record, session)
	}
	return nil
}
