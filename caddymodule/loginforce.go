package caddymodule

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// logInForce writes to the log of the configuration in force, for what outlives configurations: the
// file that an earlier one's log writes to may be closed.
type logInForce struct{ handler atomic.Pointer[slog.Handler] }

// put has lines written to a log from now on.
func (l *logInForce) put(log *slog.Logger) {
	handler := log.Handler()
	l.handler.Store(&handler)
}

// Enabled implements slog.Handler.
func (l *logInForce) Enabled(ctx context.Context, level slog.Level) bool {
	return (*l.handler.Load()).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l *logInForce) Handle(ctx context.Context, r slog.Record) error {
	return (*l.handler.Load()).Handle(ctx, r)
}

// WithAttrs implements slog.Handler. What it returns stays with the log of now.
func (l *logInForce) WithAttrs(attrs []slog.Attr) slog.Handler {
	return (*l.handler.Load()).WithAttrs(attrs)
}

// WithGroup implements slog.Handler, as WithAttrs does.
func (l *logInForce) WithGroup(name string) slog.Handler { return (*l.handler.Load()).WithGroup(name) }

var _ slog.Handler = (*logInForce)(nil)
