package caddymodule

import (
	"context"
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// client is the address that Caddy trusts: behind trusted proxies the one that they name. The
// zero value, which leaves it to the gateway, stands for one that is no IP address.
func client(ctx context.Context) netip.Addr {
	text, _ := caddyhttp.GetVar(ctx, caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
