package gateway

import (
	"log/slog"

	engine "github.com/caddy-itsme/caddy-itsme/gateway/internal/login"
	"github.com/caddy-itsme/caddy-itsme/internal/loglimit"
)

// What a log line of ours may hold: kinds, phases and reasons in our own words, the session's
// public name (a hash), Signicat's trace ID and error code. Never a state, code, token,
// attribute or client secret, and no error text that could quote one.

func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

// newLog is where a gateway's lines go.
func newLog(c Config) *slog.Logger {
	log := loglimit.New(c.Logger, engine.EndedMessage).With(slog.String("gateway", c.Name))
	if c.Replica != "" {
		log = log.With(slog.String("replica", c.Replica))
	}
	return log
}
