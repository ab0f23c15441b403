// Package loopback recognises hosts that are this machine, without a resolver, and dials them.
package loopback

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// Host reports whether the host of a URL is this machine: localhost, a name below it (RFC 6761 section 6.3),
// or a loopback address.
func Host(host string) bool {
	if named(host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func named(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Dialer returns a dial function for an [http.Transport]. It dials localhost for every name below localhost,
// as browsers do: most resolvers do not know these names.
//
// [http.Transport]: https://pkg.go.dev/net/http#Transport
func Dialer(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, Address(address))
	}
}

// Address returns host:port, with localhost in the place of a name below it.
func Address(address string) string {
	if host, port, err := net.SplitHostPort(address); err == nil && named(host) {
		return net.JoinHostPort("localhost", port)
	}
	return address
}
