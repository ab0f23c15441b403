package gateway

import (
	"log/slog"

	"github.com/caddy-itsme/caddy-itsme/internal/calm"
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
	log := calm.New(c.Logger, loginEnded).With(slog.String("gateway", c.Name))
	if c.Replica != "" {
		log = log.With(slog.String("replica", c.Replica))
	}
	return log
}
