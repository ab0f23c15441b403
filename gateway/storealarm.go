package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/pending"
)

// storeAlarmEvery is how often the log has a line while the store fails.
const storeAlarmEvery = time.Minute

// storeAlarm decides which failures of the store at a start get a line in the log: the first, and
// one every storeAlarmEvery with the number of starts that failed since the line before.
type storeAlarm struct {
	mu      sync.Mutex
	failing bool
	failed  int       // starts since the last line
	written time.Time // the last line
}

// fail counts a start that failed. It returns how many did since the last line, zero when this one
// gets no line.
func (a *storeAlarm) fail(now time.Time) (starts int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed++
	if a.failing && now.Sub(a.written) < storeAlarmEvery {
		return 0
	}
	starts, a.failed = a.failed, 0
	a.failing, a.written = true, now
	return starts
}

// succeed reports whether the starts before this one failed.
func (a *storeAlarm) succeed() (changed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed, a.failing, a.failed = a.failing, false, 0
	return changed
}

// noteStore logs that starts fail for the store, and that they do not any more. A client that hung up
// shows nothing about the store.
func (e *engine) noteStore(ctx context.Context, kind pending.Kind, err error) {
	switch {
	case err == nil:
		if e.storeAlarm.succeed() {
			e.log.InfoContext(ctx, "logins start again")
		}
	case errors.Is(err, errStore) && ctx.Err() == nil:
		if starts := e.storeAlarm.fail(e.now()); starts > 0 {
			e.log.WarnContext(ctx, "starting a login",
				slog.String("kind", kindName(kind)), slog.Int("failed_starts", starts), errorAttr(err))
		}
	}
}
