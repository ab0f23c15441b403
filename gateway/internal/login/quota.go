package login

import (
	"context"
	"net/netip"
	"time"
)

// quota is how many events may happen under a key in a window.
type quota struct {
	key    string
	events int
	window time.Duration
}

// clientQuotas are the quotas of one client: its own, and that of its IPv6 network, which counts as
// NetworkShare clients.
func clientQuotas(prefix string, addr netip.Addr, events int, window time.Duration) []quota {
	quotas := []quota{{prefix + clientKey(addr), events, window}}
	if network := networkKey(addr); network != "" {
		quotas = append(quotas, quota{prefix + network, NetworkShare * events, window})
	}
	return quotas
}

// allow counts an event under each key in turn. It returns full, with the time to wait, at the first
// quota that is reached. That one and those after it count nothing.
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

// AllowToken counts a request of a client for a token, or to revoke one. It returns ErrTokenRate where
// the client made too many.
func (e *Engine) AllowToken(ctx context.Context, client netip.Addr) error {
	limits := e.config.Limits
	return e.allow(ctx, ErrTokenRate, clientQuotas("token:", client, limits.TokenPerClient, limits.TokenWindow)...)
}
