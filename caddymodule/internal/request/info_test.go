package request

import (
	"context"
	"net/netip"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestClientIPIsTheAddressThatCaddyTrusts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]netip.Addr{
		"192.0.2.1":        netip.MustParseAddr("192.0.2.1"),
		"::ffff:192.0.2.1": netip.MustParseAddr("192.0.2.1"),
		"2001:db8::1":      netip.MustParseAddr("2001:db8::1"),
		"fe80::1%eth0":     netip.MustParseAddr("fe80::1"),
		"@":                {},
		"":                 {},
	} {
		vars := map[string]any{caddyhttp.ClientIPVarKey: text}
		if got := clientIP(context.WithValue(t.Context(), caddyhttp.VarsCtxKey, vars)); got != want {
			t.Errorf("%q is taken for %v, want %v", text, got, want)
		}
	}
	if got := clientIP(t.Context()); got.IsValid() {
		t.Errorf("outside of Caddy the client is %v", got)
	}
}
