package kubernetes_test

import (
	"net/netip"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// TestPolicyCutsNothingOff looks for a rule for each connection that a gateway makes, by address and port.
func TestPolicyCutsNothingOff(t *testing.T) {
	t.Parallel()
	policy := decode[networkingv1.NetworkPolicy](t, "kubernetes/networkpolicy.yaml")
	for _, row := range []struct {
		name, address string
		port          int
		allowed       bool
	}{
		{"DNS at the node-local cache", "169.254.20.10", 53, true},
		{"DNS at the Service's address", "10.96.0.10", 53, true},
		{"a managed Redis in the private network", "10.20.30.40", 6379, true},
		{"a managed Redis of another range", "172.16.5.4", 6379, true},
		{"a managed Redis over TLS", "192.168.7.7", 6380, true},
		{"a Sentinel", "10.20.30.41", 26379, true},
		{"Signicat", "203.0.113.7", 443, true},
		{"Signicat over IPv6", "2001:db8::7", 443, true},
		{"the metadata of a cloud", "169.254.169.254", 80, false},
		{"the metadata of a cloud over TLS", "169.254.169.254", 443, false},
		{"the API server in the private network", "10.96.0.1", 443, false},
		{"a service of the private network over IPv6", "fd00::1", 443, false},
		{"plain HTTP to the internet", "203.0.113.7", 80, false},
		{"DNS of the internet", "203.0.113.53", 53, false},
	} {
		if got := allows(t, policy.Spec.Egress, netip.MustParseAddr(row.address), row.port); got != row.allowed {
			t.Errorf("%s, %s port %d: allowed %v, want %v", row.name, row.address, row.port, got, row.allowed)
		}
	}
}

// allows reports whether a rule lets connections to an address that is no pod's through.
func allows(t *testing.T, rules []networkingv1.NetworkPolicyEgressRule, address netip.Addr, port int) bool {
	t.Helper()
	for _, rule := range rules {
		if !slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntValue() == port }) {
			continue
		}
		for _, to := range rule.To {
			inside := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(address) }
			if to.IPBlock != nil && inside(to.IPBlock.CIDR) && !slices.ContainsFunc(to.IPBlock.Except, inside) {
				return true
			}
		}
	}
	return false
}
