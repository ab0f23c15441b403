// Package request reads and writes values that Caddy keeps with a request: the client's address, the
// request before every rewrite, and the placeholders of the user.
package request

import (
	"context"
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ClientIP returns the client's address as Caddy determined it: behind trusted proxies, the address that
// they send. It returns the zero value if that is not an IP address; the gateway then uses the address of
// the connection.
func ClientIP(ctx context.Context) netip.Addr {
	text, _ := caddyhttp.GetVar(ctx, caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
