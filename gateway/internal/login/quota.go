package login

import (
	"context"
	"net/netip"
	"time"
)

// quota bounds the events under a key in a window.
type quota struct {
	key    string
	events int
	window time.Duration
}

// clientQuotas returns the quotas of one client: its own, and that of its IPv6 network, which counts as
// NetworkShare clients.
func clientQuotas(prefix string, addr netip.Addr, events int, window time.Duration) []quota {
	quotas := []quota{{prefix + clientKey(addr), events, window}}
	if network := networkKey(addr); network != "" {
		quotas = append(quotas, quota{prefix + network, NetworkShare * events, window})
	}
	return quotas
}

// allow counts an event under each key in turn. At the first full quota it returns full with the time to
// wait. That quota and the later ones count nothing.
func (e *Engine) allow(ctx context.Context, full error, quotas ...quota) error {
	for _, q := range quotas {
		wait, err := e.config.Store.Allow(ctx, q.key, q.events, q.window)
		switch {
		case err != nil:
			return storeError(err)
		case wait > 0:
			return retryAfter(full, wait)
		}
	}
	return nil
}

// AllowToken counts a request of a client for a token or a revocation. It returns ErrTokenRate when the
// client made too many.
func (e *Engine) AllowToken(ctx context.Context, client netip.Addr) error {
	limits := e.config.Limits
	return e.allow(ctx, ErrTokenRate, clientQuotas("token:", client, limits.TokenPerClient, limits.TokenWindow)...)
}

// countStart counts a start by its client, by the client's IPv6 network, and altogether. It returns ErrRate
// at the first full limit. That limit and the later ones count nothing: starts beyond a client's own limit
// take nothing from other clients.
func (e *Engine) countStart(ctx context.Context, addr netip.Addr) error {
	limit := e.config.Limits
	quotas := clientQuotas("start:", addr, limit.SessionsPerClient, limit.SessionsWindow)
	if limit.AllSessions > 0 {
		quotas = append(quotas, quota{"starts", limit.AllSessions, limit.AllSessionsWindow})
	}
	return e.allow(ctx, ErrRate, quotas...)
}
