package login

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// storeLogEvery is the interval between log lines while the store fails.
const storeLogEvery = time.Minute

// startFailureLog decides which failed starts get a log line while the store fails: the first, then one every
// storeLogEvery with the number of starts that failed since the last line.
type startFailureLog struct {
	mu      sync.Mutex
	failing bool
	failed  int       // failed starts since the last line
	written time.Time // time of the last line
}

// fail counts a failed start. It returns the number of failed starts since the last line, or zero when this
// start gets no line.
func (l *startFailureLog) fail(now time.Time) (starts int) {
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

// succeed counts a successful start. It reports whether the starts before it failed.
func (l *startFailureLog) succeed() (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, l.failing, l.failed = l.failing, false, 0
	return changed
}

// logStoreFailure logs when the store makes starts fail, and when they succeed again. A client that hung up shows
// nothing about the store.
func (e *Engine) logStoreFailure(ctx context.Context, kind store.Kind, err error) {
	switch {
	case err == nil:
		if e.startLog.succeed() {
			e.config.Logger.InfoContext(ctx, "logins start again")
		}
	case errors.Is(err, ErrStore) && ctx.Err() == nil:
		if starts := e.startLog.fail(e.config.Now()); starts > 0 {
			e.config.Logger.WarnContext(ctx, "a login could not start",
				slog.String("kind", kind.String()), slog.Int("failed_starts", starts), errorAttr(err))
		}
	}
}

// reportStart reports a start that succeeded or failed. It ignores a start whose client hung up.
func (e *Engine) reportStart(ctx context.Context, kind store.Kind, record *store.Record, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	e.logStoreFailure(ctx, kind, err)
	if err != nil {
		e.config.Observe.Unstarted(kind, err)
		return
	}
	e.config.Observe.Started(record)
}

// logStart logs a failed start, and a successful one at DEBUG.
func (e *Engine) logStart(ctx context.Context, s StartRequest, err error) {
	if err == nil {
		e.config.Logger.DebugContext(ctx, "login started", slog.String("kind", s.Kind.String()))
		return
	}
	e.config.Logger.WarnContext(ctx, "a login could not start", append(signicatAttrs(err),
		slog.String("kind", s.Kind.String()), slog.String("redirect_url", s.RedirectURL), errorAttr(err))...)
}
