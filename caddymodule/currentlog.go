package caddymodule

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// currentLog writes to the log of the current configuration. Values that outlive configurations need it:
// an earlier configuration may have closed the file of its log.
type currentLog struct{ handler atomic.Pointer[slog.Handler] }

// use writes later lines to this log.
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

// WithAttrs implements slog.Handler. What it returns keeps the log of this moment.
func (l *currentLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return (*l.handler.Load()).WithAttrs(attrs)
}

// WithGroup implements slog.Handler, as WithAttrs does.
func (l *currentLog) WithGroup(name string) slog.Handler { return (*l.handler.Load()).WithGroup(name) }

var _ slog.Handler = (*currentLog)(nil)
