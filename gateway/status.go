package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

const (
	// MaxWait bounds a long poll of a session's status.
	MaxWait = 25 * time.Second
	// statusEvery is how often one session is read at Signicat on behalf of waiting clients,
	// however many they are.
	statusEvery = 2 * time.Second
	// statusPatience is how long a status waits for a read that it caused, and how often a long
	// poll looks for what another replica did.
	statusPatience = 500 * time.Millisecond
	// statusReadLimit bounds such a read.
	statusReadLimit = 10 * time.Second
	// maxReads is how many reads are remembered before those that are over are forgotten.
	maxReads = 1024
	// maxPolls bounds the long polls of a gateway: each holds a request of the server, and looks
	// at the store every statusPatience.
	maxPolls = 5_000
)

// statusReads remembers which sessions were read a moment ago. Reads are bounded by the
// gateway's budget, and so are the entries.
type statusReads struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// due reports whether the session may be read now, and notes that it is.
func (s *statusReads) due(id string, now time.Time, allow func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last[id]) < statusEvery || !allow() {
		return false
	}
	if s.last == nil || len(s.last) >= maxReads {
		recent := make(map[string]time.Time)
		for id, t := range s.last {
			if now.Sub(t) < statusEvery {
				recent[id] = t
			}
		}
		s.last = recent
	}
	s.last[id] = now
	return true
}

// status returns a session's record: at once, or with a wait when it has ended. A read of
// Signicat that it causes is waited for, shortly. While too many wait already, one more does not.
func (g *Gateway) status(ctx context.Context, id string, wait time.Duration) (*pending.Record, error) {
	poll := wait > 0 && g.takePoll()
	if poll {
		defer func() { <-g.polls }()
	} else {
		wait = 0
	}
	waiting, cancel := context.WithTimeout(ctx, max(wait, statusPatience))
	defer cancel()
	record, err := g.loadSession(ctx, id)
	for err == nil && !record.Phase.Ended() {
		if reading := g.readStatus(ctx, record); !reading && !poll {
			break
		}
		if g.awaitChange(waiting, id, statusPatience) != nil {
			break
		}
		if record, err = g.loadSession(ctx, id); !poll {
			break
		}
	}
	return record, err
}

// takePoll takes one of the places for long polls, if there is one.
func (g *Gateway) takePoll() bool {
	select {
	case g.polls <- struct{}{}:
		return true
	default:
		return false
	}
}

// loadSession loads a record by its public name and marks one that ran out.
func (g *Gateway) loadSession(ctx context.Context, id string) (*pending.Record, error) {
	record, err := g.store.Load(ctx, id)
	if errors.Is(err, pending.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, storeError(err)
	}
	if record.Phase == pending.Pending && !g.now().Before(record.ExpiresAt) {
		err := g.expire(ctx, record, reasonExpired)
		if errors.Is(err, errStore) {
			return nil, err
		}
		if errors.Is(err, pending.ErrConflict) {
			return g.loadSession(ctx, id)
		}
	}
	return record, nil
}

// readStatus reads a session that nobody is finishing, if it is due, and reports whether it
// does. What it finds changes the record; whoever waits is told.
func (g *Gateway) readStatus(ctx context.Context, record *pending.Record) bool {
	if record.Phase != pending.Pending || g.signicat.refusal() != nil || !g.reads.due(record.ID, g.now(), g.readLimit.Allow) {
		return false
	}
	g.after(ctx, statusReadLimit, func(ctx context.Context) {
		defer g.changes.announce(record.ID)
		err := g.noteStatus(ctx, record)
		if err != nil && !record.Phase.Ended() && !errors.Is(err, pending.ErrConflict) {
			g.log.DebugContext(ctx, "reading the status of a session", errorAttr(err))
		}
	})
	return true
}

// noteStatus reads a session and changes its record by what it shows. The record is as it was
// before the read: a finish that began meanwhile makes the update lose, and so does no harm.
func (g *Gateway) noteStatus(ctx context.Context, record *pending.Record) error {
	session, err := g.signicat.ReadStatus(ctx, record.SignicatID)
	switch {
	case errors.Is(err, signicat.ErrNotFound):
		return g.end(ctx, record, pending.Expired, reasonExpired)
	case err != nil:
		return err
	case session.Status == signicat.StatusSuccess:
		return g.tooEarly(ctx, record)
	case session.Status.Terminal():
		return g.endAs(ctx, record, session)
	}
	return nil
}
