package gateway

import (
	"context"
	"errors"
	"log/slog"

	"github.com/caddy-itsme/caddy-itsme/pending"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// What a log line of ours may hold: kinds, phases and reasons in our own words, the session's
// public name (a hash), Signicat's trace ID and error code. Never a state, code, token,
// attribute or client secret, and no error text that could quote one.

func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

func kindName(k pending.Kind) string {
	if k == pending.App {
		return "app"
	}
	return "browser"
}

// logStart tells of a start that failed, and at debug level of one that did not.
func (g *Gateway) logStart(ctx context.Context, s start, err error) {
	if err == nil {
		g.log.DebugContext(ctx, "login started", slog.String("kind", kindName(s.kind)))
		return
	}
	g.log.WarnContext(ctx, "starting a login", append(signicatAttrs(err), slog.String("kind", kindName(s.kind)), errorAttr(err))...)
}

// logEnd writes the one line of a login.
func (g *Gateway) logEnd(ctx context.Context, record *pending.Record) {
	level := slog.LevelInfo
	if record.Phase == pending.Failed {
		level = slog.LevelWarn
	}
	g.log.LogAttrs(ctx, level, "login ended",
		slog.String("outcome", record.Phase.String()),
		slog.String("reason", record.Reason),
		slog.String("kind", kindName(record.Kind)),
		slog.String("session_id", record.ID),
		slog.Duration("duration", record.EndedAt.Sub(record.CreatedAt)),
	)
}

// logReturn writes the line of a request to a redirect URL. It stands in the place of the access
// log's, which would hold the code and state. session_id is of a login whose binding was there, and
// empty else: what anybody sent says nothing of whose it is.
func (g *Gateway) logReturn(ctx context.Context, outcome, sessionID string) {
	attrs := []slog.Attr{slog.String("outcome", outcome)}
	if sessionID != "" {
		attrs = append(attrs, slog.String("session_id", sessionID))
	}
	g.log.LogAttrs(ctx, slog.LevelInfo, "redirect URL answered", attrs...)
}

func (g *Gateway) logRefusal(ctx context.Context, err error) {
	g.log.InfoContext(ctx, "Signicat refused a code", signicatAttrs(err)...)
}

func (g *Gateway) logSessionError(ctx context.Context, record *pending.Record, session *signicat.Session) {
	g.log.WarnContext(ctx, "Signicat reports a session's error",
		slog.String("session_id", record.ID),
		slog.String("status", string(session.Status)),
		slog.String("code", session.Error.Code),
	)
}

// signicatAttrs are what Signicat's support asks for.
func signicatAttrs(err error) []any {
	var failure *signicat.Error
	if !errors.As(err, &failure) {
		return nil
	}
	return []any{
		slog.String("operation", failure.Operation),
		slog.Int("status", failure.StatusCode),
		slog.String("code", failure.Code),
		slog.String("trace_id", failure.TraceID),
	}
}
