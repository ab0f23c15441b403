package gateway

import (
	"context"
	"log/slog"

	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
	"github.com/caddy-itsme/caddy-itsme/pending"
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

// loginEnded is the message of the one line that every login gets. None is left out: what a client
// can bring about costs it a start, which limits bound.
const loginEnded = "login ended"

// newLog is where a gateway's lines go.
func newLog(c Config) *slog.Logger {
	log := loglimit.New(c.Logger, loginEnded).With(slog.String("gateway", c.Name))
	if c.Replica != "" {
		log = log.With(slog.String("replica", c.Replica))
	}
	return log
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
