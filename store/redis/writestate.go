package redis

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// warnInterval is how often a cause that lasts, or comes back, is logged.
const warnInterval = time.Minute

// writeState knows whether Redis takes writes, and why it does not.
type writeState struct {
	counts []atomic.Uint64 // by the row of causes
	probe  chan struct{}   // has one element while a probe is due

	mu        sync.Mutex
	failing   Cause // empty while Redis takes writes
	announced bool  // the log has a warning, and nothing after it
	warned    map[Cause]time.Time
}

func newWriteState() *writeState {
	return &writeState{
		counts: make([]atomic.Uint64, len(causes)),
		probe:  make(chan struct{}, 1),
		warned: make(map[Cause]time.Time),
	}
}

// note counts a refusal. It reports whether the cause is to be logged: it is another one than before, or
// it lasts, and was not logged for a while.
func (r *writeState) note(cause Cause, now time.Time) (log bool) {
	r.counts[cause.row()].Add(1)
	select {
	case r.probe <- struct{}{}:
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = cause
	last, warned := r.warned[cause]
	if warned && now.Sub(last) < warnInterval {
		return false
	}
	r.warned[cause], r.announced = now, true
	return true
}

// clear notes that Redis took a write everywhere. It reports whether that is to be logged: the log has a
// warning.
func (r *writeState) clear() (log bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = ""
	log, r.announced = r.announced, false
	return log
}

func (r *writeState) current() Cause {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failing
}

// Writable reports whether Redis takes writes, by the last answers. It is true until a server refused
// one. A server that does not answer changes nothing.
func (c *connection) Writable() bool { return c.writes.current() == "" }

// Refusals returns how many commands were refused for each cause, since the store was opened.
func (c *connection) Refusals() map[Cause]uint64 {
	all := make(map[Cause]uint64, len(causes))
	for i, row := range causes {
		all[row.cause] = c.writes.counts[i].Load()
	}
	return all
}

// noteRefusal looks at an error of the client. For an answer that refuses, it counts and logs the cause
// and leaves a server that is a replica.
func (c *connection) noteRefusal(err error) (refused *refusal) {
	if errors.As(err, &refused) {
		return refused // noted already
	}
	cause, ok := causeOf(err)
	if !ok {
		return nil
	}
	c.refuse(cause)
	return &refusal{cause, c.redacted(err)}
}

// refuse notes that a server refused for that cause.
func (c *connection) refuse(cause Cause) {
	if c.writes.note(cause, time.Now()) {
		c.config.Logger.Warn("Redis refuses writes; logins cannot start or finish",
			slog.String("prefix", c.config.Prefix), slog.String("cause", string(cause)),
			slog.String("problem", cause.Problem()), slog.String("remedy", cause.Remedy()))
	}
	if causes[cause.row()].leave {
		c.dialer.leave()
	}
}
