package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/internal/calm"
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
	g.log.WarnContext(ctx, "starting a login", append(signicatAttrs(err),
		slog.String("kind", kindName(s.kind)), slog.String("redirect_url", s.redirectURL), errorAttr(err))...)
}

// loginEnded is the message of the one line that every login gets. None is left out: what a client
// can bring about costs it a start, which limits bound.
const loginEnded = "login ended"

// newLog is where a gateway's lines go.
func newLog(c Config) *slog.Logger {
	log := calm.New(c.Logger, loginEnded).With(slog.String("gateway", c.Name))
	if c.Replica != "" {
		log = log.With(slog.String("replica", c.Replica))
	}
	return log
}

// logEnd writes the one line of a login, with the last call to Signicat that failed on its way.
func (g *Gateway) logEnd(ctx context.Context, record *pending.Record) {
	level := slog.LevelInfo
	if operatorsBusiness[record.Reason] {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("outcome", record.Phase.String()),
		slog.String("reason", record.Reason),
		slog.String("kind", kindName(record.Kind)),
		slog.String("session_id", record.ID),
		slog.Float64("duration_seconds", record.EndedAt.Sub(record.CreatedAt).Seconds()),
	}
	if record.FailedCall != "" {
		attrs = append(attrs,
			slog.String("operation", record.FailedCall),
			slog.Uint64("status", record.FailedStatus),
			slog.String("code", record.FailedCode),
			slog.String("trace_id", record.FailedTraceID),
		)
	}
	g.log.LogAttrs(ctx, level, loginEnded, attrs...)
}

// noteFailure keeps, for the line of the login's end, what Signicat said of a call that failed.
func noteFailure(record *pending.Record, err error) {
	if failure, ok := errors.AsType[*signicat.Error](err); ok {
		record.FailedCall, record.FailedStatus = failure.Operation, uint64(failure.StatusCode)
		record.FailedCode, record.FailedTraceID = failure.Code, failure.TraceID
	}
}

// noteSessionError does the same for a session that Signicat ended itself.
func noteSessionError(record *pending.Record, session *signicat.Session) {
	if session.Error != nil {
		record.FailedCall, record.FailedStatus = signicat.OperationReadSession, http.StatusOK
		record.FailedCode, record.FailedTraceID = session.Error.LogCode(), ""
	}
}

// logReturn writes the line of a request to a redirect URL. It stands in the place of the access
// log's, which would hold the code and state, but at debug level: anybody can make any number of
// them, and what became of a login its own line tells. session_id is of a login whose binding was there, and
// empty else: what anybody sent says nothing of whose it is.
func (g *Gateway) logReturn(ctx context.Context, outcome, sessionID string) {
	attrs := []slog.Attr{slog.String("outcome", outcome)}
	if sessionID != "" {
		attrs = append(attrs, slog.String("session_id", sessionID))
	}
	g.log.LogAttrs(ctx, slog.LevelDebug, "redirect URL answered", attrs...)
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
