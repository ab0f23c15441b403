package login

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// storeLogEvery is how often the log has a line while the store fails.
const storeLogEvery = time.Minute

// storeLog decides which failures of the store at a start get a line in the log: the first, and
// one every storeLogEvery with the number of starts that failed since the line before.
type storeLog struct {
	mu      sync.Mutex
	failing bool
	failed  int       // starts since the last line
	written time.Time // the last line
}

// fail counts a start that failed. It returns how many did since the last line, zero when this one
// gets no line.
func (l *storeLog) fail(now time.Time) (starts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
	if l.failing && now.Sub(l.written) < storeLogEvery {
		return 0
	}
	starts, l.failed = l.failed, 0
	l.failing, l.written = true, now
	return starts
}

// succeed reports whether the starts before this one failed.
func (l *storeLog) succeed() (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, l.failing, l.failed = l.failing, false, 0
	return changed
}

// noteStore logs that starts fail for the store, and that they do not any more. A client that hung up
// shows nothing about the store.
func (e *Engine) noteStore(ctx context.Context, kind store.Kind, err error) {
	switch {
	case err == nil:
		if e.startLog.succeed() {
			e.config.Logger.InfoContext(ctx, "logins start again")
		}
	case errors.Is(err, ErrStore) && ctx.Err() == nil:
		if starts := e.startLog.fail(e.config.Now()); starts > 0 {
			e.config.Logger.WarnContext(ctx, "starting a login",
				slog.String("kind", kind.String()), slog.Int("failed_starts", starts), errorAttr(err))
		}
	}
}

// noteStart reports a start that succeeded or failed. One whose client hung up did neither.
func (e *Engine) noteStart(ctx context.Context, kind store.Kind, record *store.Record, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	e.noteStore(ctx, kind, err)
	if err != nil {
		e.config.Observe.Unstarted(kind, err)
		return
	}
	e.config.Observe.Started(record)
}

// logStart logs a start that failed, and at debug level one that did not.
func (e *Engine) logStart(ctx context.Context, s Request, err error) {
	if err == nil {
		e.config.Logger.DebugContext(ctx, "login started", slog.String("kind", s.Kind.String()))
		return
	}
	e.config.Logger.WarnContext(ctx, "starting a login", append(signicatAttrs(err),
		slog.String("kind", s.Kind.String()), slog.String("redirect_url", s.RedirectURL), errorAttr(err))...)
}
