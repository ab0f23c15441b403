package coverage

import (
	"slices"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// addresses are hosts of a probe that connects by IP address. A site for one of them is not for host names
// alone.
var addresses = []string{"192.0.2.1", "127.0.0.1", "[::1]"}

// probes finds the gateways of a server without TLS that a probe by IP address does not reach. Caddy answers
// such a probe with an empty 200, whatever the state of the gateway is. A server with TLS has no certificate
// for the address, so the probe fails.
func (w *walk) probes() (found []Finding) {
	if len(w.server.TLSConnPolicies) > 0 {
		return nil
	}
	var seen []*gateway.Gateway
	for _, p := range w.handlers {
		g := p.handler.Gateway
		if p.errors || slices.Contains(seen, g) {
			continue
		}
		seen = append(seen, g)
		reached := func(address string) bool { return serves(w.handlers, g, "http://"+address+g.Path()+"/health/ready") }
		if !slices.ContainsFunc(addresses, reached) {
			found = append(found, Finding{
				Name: ProbeByAddress, Server: w.name, Site: describe(w.server, p.conditions[:min(1, len(p.conditions))]),
				Problem: "a readiness probe by IP address does not reach the gateway, and Caddy answers it with an empty 200",
			})
		}
	}
	return found
}
