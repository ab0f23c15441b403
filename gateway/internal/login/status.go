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

// StatusRequest asks for the status of a login.
type StatusRequest struct {
	ID     string
	Client netip.Addr
	Wait   time.Duration // of a long poll
	Cookie string        // the login cookie that came with the request, or empty
}

// StatusAnswer is the status of a login.
type StatusAnswer struct {
	Record *store.Record
	// Early is set for a long poll that is answered before its time, although the login has not ended.
	Early bool
	// Elsewhere reports that the pending login came back to another browser than its own. Only that browser
	// hears of it.
	Elsewhere bool
}

// Status returns the status of a login. With a wait it returns when the login ended, when the login came back to
// another browser, or when the wait is over. It waits shortly for a read of Signicat that is under way. When the
// client, or all clients together, hold too many long polls, or when the gateway ends the wait, it answers at
// once.
func (e *Engine) Status(ctx context.Context, s StatusRequest) (StatusAnswer, error) {
	if s.Wait > 0 {
		if done := e.polls.take(s.Client); done != nil {
			defer done()
			return e.poll(ctx, s)
		}
	}
	answer, err := e.look(ctx, s)
	if err != nil {
		return StatusAnswer{}, err
	}
	answer.Early = s.Wait > 0
	if read := e.askStatus(ctx, answer.Record); read != nil {
		_ = e.driver.await(ctx, read.over, statusPatience)
		answer.Record = read.recordOr(answer.Record)
	}
	return answer, nil
}

// poll returns the status of a login when it ended, when it came back to another browser, or when the wait is over.
func (e *Engine) poll(ctx context.Context, s StatusRequest) (StatusAnswer, error) {
	waiting, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	over := false
	for wait := minRecheck; ; wait = min(2*wait, MaxRecheck) {
		// Watch before loading, so that no change in between is missed.
		changed, done := e.driver.changes.watch(s.ID)
		answer, err := e.look(ctx, s)
		if err != nil || answer.Record.Phase.Ended() || over || answer.Elsewhere {
			done()
			answer.Early = waiting.Err() == nil
			return answer, err
		}
		e.askStatus(ctx, answer.Record)
		over = e.driver.await(waiting, changed, wait+rand.N(wait/5)) != nil
		done()
	}
}

// look reads the record of a login and, for its own browser, the note beside it.
func (e *Engine) look(ctx context.Context, s StatusRequest) (answer StatusAnswer, err error) {
	if s.Cookie == "" {
		answer.Record, err = e.FindByID(ctx, s.ID)
		return answer, err
	}
	var noted bool
	together.Do(
		func() { answer.Record, err = e.FindByID(ctx, s.ID) },
		func() { noted = e.elsewhere(ctx, s.ID) },
	)
	answer.Elsewhere = err == nil && noted && answer.Record.Phase == store.Pending && BoundToCookie(answer.Record, s.Cookie)
	return answer, err
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
