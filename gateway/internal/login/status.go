package login

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-itsme/caddy-itsme/internal/together"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

const (
	// MaxWait bounds a long poll of a session's status.
	MaxWait = 25 * time.Second
	// statusPatience bounds the time that a status request waits for a read under way.
	statusPatience = 500 * time.Millisecond
	// statusReadLimit bounds a read of a session for waiting clients.
	statusReadLimit = 10 * time.Second
	// A long poll reads the store for changes of other replicas. The first interval is minRecheck. Each next one
	// is twice as long, up to MaxRecheck. Up to a fifth is added at random, so that polls that began together
	// spread out.
	minRecheck = 500 * time.Millisecond
	MaxRecheck = 2 * time.Second
)

// Status returns a session's record. With a wait it returns when the login ended or the wait is over. It
// waits shortly for a read of Signicat that is under way. When the client, or all clients together, hold too
// many long polls, or when the gateway ends the wait, it returns the record at once and early is true.
func (e *Engine) Status(ctx context.Context, id string, client netip.Addr, wait time.Duration) (_ *store.Record, early bool, _ error) {
	if wait > 0 {
		if done := e.polls.take(client); done != nil {
			defer done()
			return e.poll(ctx, id, wait)
		}
	}
	record, err := e.FindByID(ctx, id)
	if err != nil {
		return nil, false, err
	}
	early = wait > 0
	if read := e.askStatus(ctx, record); read != nil {
		_ = e.driver.await(ctx, read.over, statusPatience)
		record = read.recordOr(record)
	}
	return record, early, nil
}

// poll returns a session's record when its login ended or when the wait is over.
func (e *Engine) poll(ctx context.Context, id string, wait time.Duration) (_ *store.Record, early bool, _ error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	over := false
	for look := minRecheck; ; look = min(2*look, MaxRecheck) {
		// Watch before loading, so that no change in between is missed.
		changed, done := e.driver.changes.watch(id)
		record, err := e.FindByID(ctx, id)
		if err != nil || record.Phase.Ended() || over {
			done()
			return record, waiting.Err() == nil, err
		}
		e.askStatus(ctx, record)
		over = e.driver.await(waiting, changed, look+rand.N(look/5)) != nil
		done()
	}
}

// askStatus asks for a read of a session whose code has not come back. It returns the read that is under way,
// or nil without one.
func (e *Engine) askStatus(ctx context.Context, record *store.Record) *statusRead {
	if record.Phase != store.Pending || e.signicat.refusal() != nil {
		return nil
	}
	return e.statusPolls.ask(record.ID, record.Client, trace.SpanFromContext(ctx))
}

// readStatus reads a session for waiting clients.
func (e *Engine) readStatus(s *sessionRead) {
	ctx, read := trace.ContextWithSpan(context.Background(), s.span), s.read
	e.driver.runDetached(ctx, statusReadLimit, func(ctx context.Context) {
		defer e.statusPolls.over(s)
		var err error
		if read.record, err = e.readSession(ctx, s.id); err != nil {
			e.config.Logger.DebugContext(ctx, "the status of a session could not be read", errorAttr(err))
		}
	})
}

// readSession reads a session, unless another replica has just done so, and ends its login if the session
// ended. It returns the record, nil when it is not known. It applies the event to the record from before the
// read: if a finish began meanwhile, the event loses the compare-and-set and changes nothing.
func (e *Engine) readSession(ctx context.Context, id string) (record *store.Record, err error) {
	var clock func() time.Time
	var wait time.Duration
	var uncounted error
	together.Do(
		func() {
			if record, err = e.FindByID(ctx, id); err == nil {
				clock = e.driver.clock(record)
			}
		},
		func() {
			wait, uncounted = e.config.Store.Allow(ctx, store.Quota{Owner: "status:" + id, Limit: 1, Window: statusEvery})
		},
	)
	switch {
	case err != nil || record.Phase != store.Pending:
		return record, err
	case uncounted != nil:
		return record, storeError(uncounted)
	case wait > 0:
		return record, nil
	}
	seen := event{kind: eventRead}
	seen.session, err = e.signicat.ReadStatus(ctx, record.SignicatID)
	seen.failed, seen.gone = failureIn(err, nil), errors.Is(err, signicat.ErrNotFound)
	if err != nil && !seen.gone {
		return record, err
	}
	if _, err = e.driver.apply(ctx, record, seen, clock()); errors.Is(err, store.ErrConflict) {
		return e.FindByID(ctx, id)
	}
	return record, err
}
