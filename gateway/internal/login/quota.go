package login

import (
	"context"
	"net/netip"
	"time"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// clientQuotas returns the quotas of one client: its own, and that of its IPv6 network, which counts as
// NetworkShare clients. Both belong to the network, so that a store counts them in one step.
func clientQuotas(name string, addr netip.Addr, events int, window time.Duration) []store.Quota {
	client, network := clientKey(addr), networkKey(addr)
	if network == "" {
		return []store.Quota{{Owner: client, Name: name, Limit: events, Window: window}}
	}
	return []store.Quota{
		{Owner: network, Name: name + ":" + client, Limit: events, Window: window},
		{Owner: network, Name: name, Limit: NetworkShare * events, Window: window},
	}
}

// allow counts an event under each quota in turn. At the first full quota it returns full with the time to
// wait. That quota and the later ones count nothing.
func (e *Engine) allow(ctx context.Context, full error, quotas ...store.Quota) error {
	wait, err := e.config.Store.Allow(ctx, quotas...)
	switch {
	case err != nil:
		return storeError(err)
	case wait > 0:
		return retryAfter(full, wait)
	}
	return nil
}

// AllowToken counts a request of a client for a token or a revocation. It returns ErrTokenRate when the
// client made too many.
func (e *Engine) AllowToken(ctx context.Context, client netip.Addr) error {
	limits := e.config.Limits
	return e.allow(ctx, ErrTokenRate, clientQuotas("token", client, limits.TokenPerClient, limits.TokenWindow)...)
}

// countStart counts a start by its client and by the client's IPv6 network. It returns ErrRate at the first
// full limit. That limit and the later one count nothing.
func (e *Engine) countStart(ctx context.Context, addr netip.Addr) error {
	limit := e.config.Limits
	return e.allow(ctx, ErrRate, clientQuotas("start", addr, limit.SessionsPerClient, limit.SessionsWindow)...)
}

// countAllStarts counts a start among those of all clients. It is called after countStart: starts beyond a
// client's own limit take nothing from other clients.
func (e *Engine) countAllStarts(ctx context.Context) error {
	limit := e.config.Limits
	if limit.AllSessions == 0 {
		return nil
	}
	return e.allow(ctx, ErrRate, store.Quota{Owner: "starts", Limit: limit.AllSessions, Window: limit.AllSessionsWindow})
}
