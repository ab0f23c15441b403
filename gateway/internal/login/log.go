package login

import (
	"context"
	"errors"
	"log/slog"

	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// EndedMessage is the message of the line that every ended login gets. No such line is left out: each costs a
// client a start, which limits bound.
const EndedMessage = "login ended"

// logEnd writes the log line of a login that ended, with the last call to Signicat that failed.
func logEnd(ctx context.Context, log *slog.Logger, record *store.Record) {
	level := slog.LevelInfo
	if warnReasons[record.Reason] {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("outcome", record.Phase.String()),
		slog.String("reason", record.Reason),
		slog.String("kind", record.Kind.String()),
		slog.String("session_id", record.ID),
		slog.Float64("duration_seconds", record.Duration().Seconds()),
	}
	if record.FailedCall != "" {
		attrs = append(attrs,
			slog.String("operation", record.FailedCall),
			slog.Uint64("status", record.FailedStatus),
			slog.String("code", record.FailedCode),
			slog.String("trace_id", record.FailedTraceID),
		)
	}
	log.LogAttrs(ctx, level, EndedMessage, attrs...)
}

// signicatAttrs returns the log attributes that Signicat's support asks for.
func signicatAttrs(err error) []any {
	failure, ok := errors.AsType[*signicat.Error](err)
	if !ok {
		return nil
	}
	return []any{
		slog.String("operation", failure.Operation),
		slog.Int("status", failure.StatusCode),
		slog.String("code", failure.Code),
		slog.String("trace_id", failure.TraceID),
	}
}

func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }
