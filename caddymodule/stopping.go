package caddymodule

import (
	"context"
	"errors"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// sendAwayBeforeStop has the gateways answer waiting clients when a configuration is about to be
// stopped. Caddy stops its apps in any order, and its servers wait for every request that is under
// way: without this, one long poll would hold up the end of the process for as long as it lasts.
func (a *App) sendAwayBeforeStop(ctx caddy.Context) error {
	module, err := ctx.App("events")
	if err != nil {
		return err
	}
	events, ok := module.(*caddyevents.App)
	if !ok {
		return errors.New("app events: its module is not the one that this was built with")
	}
	return events.On("stopping", &stopping{a})
}

// stopping handles the event of that name. Its field is not exported, since Caddy logs handlers.
type stopping struct{ app *App }

// Handle implements caddyevents.Handler.
func (s *stopping) Handle(context.Context, caddy.Event) error {
	for _, i := range s.app.instances {
		i.gateway.EndLongPolls()
	}
	return nil
}

var _ caddyevents.Handler = (*stopping)(nil)
