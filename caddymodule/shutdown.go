package caddymodule

import (
	"context"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// endLongPollsBeforeStop makes the gateways answer all waiting status requests when Caddy is about to stop a
// configuration. Caddy stops its apps in any order, and its servers wait for every running request:
// otherwise one long poll would delay the shutdown.
func (a *App) endLongPollsBeforeStop(ctx caddy.Context) error {
	events, err := eventsApp(ctx)
	if err != nil {
		return err
	}
	return events.On("stopping", &onStopping{a})
}

// onStopping handles the event stopping. Its field is not exported because Caddy logs the exported fields of
// handlers.
type onStopping struct{ app *App }

// Handle implements caddyevents.Handler.
func (s *onStopping) Handle(context.Context, caddy.Event) error {
	for _, i := range s.app.instances {
		i.gateway.EndLongPolls()
	}
	return nil
}

var _ caddyevents.Handler = (*onStopping)(nil)
