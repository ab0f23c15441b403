package login

import (
	"net/netip"
	"strconv"
)

// NetworkShare is how many clients an IPv6 /48 counts as. A provider gives a customer anything
// from a /64 to a /48 (RFC 6177), and a /48 has 65,536 networks of 64 bits.
const NetworkShare = 16

// clientKey names a client for limits: an IPv4 address, or the /64 that a network gives to one
// IPv6 customer.
func clientKey(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr.String()
	}
	return networkOf(addr, 64)
}

// networkKey names the /48 that an IPv6 client is in. It is empty for an IPv4 address.
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

// shareKey names the share of the status reads that the sessions of a client have, by its
// [clientKey]. An IPv4 address has one. A /48 has NetworkShare of them, by the four bits before
// /56: the /64s of one customer have one of these together.
func shareKey(client string) string {
	network, err := netip.ParsePrefix(client)
	if err != nil {
		return client
	}
	share := network.Addr().As16()[6] % NetworkShare
	return networkOf(network.Addr(), 48) + "#" + strconv.Itoa(int(share))
}
