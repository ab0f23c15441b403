package login

import (
	"net/netip"
	"strconv"
)

// NetworkShare is the number of clients that an IPv6 /48 counts as. A provider gives a customer anything from
// a /64 to a /48 (RFC 6177), and a /48 has 65,536 networks of 64 bits.
const NetworkShare = 16

// clientKey returns the key of a client in limits: an IPv4 address, or the IPv6 /64, which belongs to one
// customer.
func clientKey(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr.String()
	}
	return networkOf(addr, 64)
}

// networkKey returns the key of the /48 of an IPv6 client. It is empty for an IPv4 address.
func networkKey(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return ""
	}
	return networkOf(addr, 48)
}

func networkOf(addr netip.Addr, bits int) string {
	return netip.PrefixFrom(addr, bits).Masked().String()
}

// shareKey returns the turn that a client's sessions share in reads of Signicat, by its [clientKey]. An IPv4
// address has one turn. A /48 has NetworkShare turns, by the four bits before /56: all /64s of one /56 share
// one turn.
func shareKey(client string) string {
	network, err := netip.ParsePrefix(client)
	if err != nil {
		return client
	}
	share := network.Addr().As16()[6] % NetworkShare
	return networkOf(network.Addr(), 48) + "#" + strconv.Itoa(int(share))
}
