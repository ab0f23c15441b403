package gateway

import (
	"net/http/httptest"
	"testing"
)

func TestPeerIsTheConnectionsOwnAddress(t *testing.T) {
	t.Parallel()
	proxies, err := parseProxyRanges([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8", "fe80::1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, remote string
		want         bool
	}{
		{"in a range", "10.200.3.4:5678", true},
		{"an address", "192.0.2.7:1", true},
		{"the one after it", "192.0.2.8:1", false},
		{"an IPv4 address on a socket for both", "[::ffff:10.1.2.3]:443", true},
		{"another IPv4 address on a socket for both", "[::ffff:11.1.2.3]:443", false},
		{"in an IPv6 range", "[fd12:3456::1]:443", true},
		{"outside of it", "[fc00::1]:443", false},
		{"IPv6's own machine", "[::1]:443", true},
		{"IPv4's own machine", "127.0.0.1:443", false},
		{"a link-local address with its zone", "[fe80::1%eth0]:443", true},
		{"an IPv6 address that ends like an IPv4 one", "[2001:db8::10.1.2.3]:443", false},
		{"a unix socket", "@", false},
		{"a unix socket with a name", "/run/nginx.sock", false},
		{"nothing", "", false},
		{"an address without a port", "10.1.2.3", false},
		{"a name", "localhost:443", false},
	} {
		r := httptest.NewRequest("GET", "/itsme/verify", nil)
		r.RemoteAddr = row.remote
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		if got := proxies.contain(r); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
	r := httptest.NewRequest("GET", "/itsme/verify", nil)
	if r.RemoteAddr = "127.0.0.1:1"; proxyRanges(nil).contain(r) {
		t.Error("without proxies a client may call verify")
	}
}
