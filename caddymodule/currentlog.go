package caddymodule

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// currentLog writes to the log of the current configuration. Values that outlive a configuration need it:
// the log of an earlier configuration may be closed.
type currentLog struct{ handler atomic.Pointer[slog.Handler] }

// use makes later lines go to this log.
func (l *currentLog) use(log *slog.Logger) {
	handler := log.Handler()
	l.handler.Store(&handler)
}

// Enabled implements slog.Handler.
func (l *currentLog) Enabled(ctx context.Context, level slog.Level) bool {
	return (*l.handler.Load()).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l *currentLog) Handle(ctx context.Context, r slog.Record) error {
	return (*l.handler.Load()).Handle(ctx, r)
}

// WithAttrs implements slog.Handler. The handler that it returns does not follow later calls of use.
func (l *currentLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return (*l.handler.Load()).WithAttrs(attrs)
}

// WithGroup implements slog.Handler. The handler that it returns does not follow later calls of use.
func (l *currentLog) WithGroup(name string) slog.Handler { return (*l.handler.Load()).WithGroup(name) }

var _ slog.Handler = (*currentLog)(nil)
