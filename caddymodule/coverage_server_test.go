package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/internal/caddytest"
)

// TestStartWarnsOfServerOptions loads server options that log credentials, or let a client choose its own
// address.
func TestStartWarnsOfServerOptions(t *testing.T) {
	s := caddytest.Run(t, "http://{{addr}} {\n\trespond ok\n}")
	const site = "SITE {\n\titsme\n\treverse_proxy 127.0.0.1:9\n}"
	for _, row := range []struct {
		name, servers, verify, sites string
		want                         []string
	}{
		{"credentials in the log", "log_credentials", "", site, []string{"log_credentials site 127.0.0.1: log_credentials writes every bearer token and cookie into the access log"}},
		{"credentials in the log of other sites", "log_credentials", "", "SITE {\n\trespond ok\n}", nil},
		{
			"proxies that are trusted with what a client wrote", "trusted_proxies static private_ranges", "", site,
			[]string{"trusted_proxies_lenient site 127.0.0.1: trusted_proxies without trusted_proxies_strict lets a client choose its own address in X-Forwarded-For, and limits count clients by that address"},
		},
		{"proxies that are trusted with what they wrote", "trusted_proxies static private_ranges\ntrusted_proxies_strict", "", site, nil},
		{"proxies with a header of their own", "trusted_proxies static private_ranges\nclient_ip_headers CF-Connecting-IP", "", site, nil},
		{
			"PROXY protocol with verify", "listener_wrappers {\nproxy_protocol\n}", "verify 10.0.0.0/8", site,
			[]string{"verify_proxy_protocol site 127.0.0.1: the listener wrapper proxy_protocol replaces the address of the connection, which verify compares with its list of proxies"},
		},
		{"PROXY protocol in front of TLS", "listener_wrappers {\nproxy_protocol {\nallow 10.0.0.2/32\n}\ntls\n}", "verify 10.0.0.0/8", site + "\nhttp://other.example:PORT {\nitsme\n}", []string{
			"verify_proxy_protocol site 127.0.0.1 other.example: the listener wrapper proxy_protocol replaces the address of the connection, which verify compares with its list of proxies",
		}},
		{"PROXY protocol without verify", "listener_wrappers {\nproxy_protocol\n}", "", site, nil},
		{"another listener wrapper with verify", "listener_wrappers {\nhttp_redirect\n}", "verify 10.0.0.0/8", site, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.Log())
			config := coverageConfig(t, s, row.sites)
			config = strings.Replace(config, "{", "{\nservers {\n"+row.servers+"\n}", 1)
			config = strings.Replace(config, "attributes name", "attributes name\n"+row.verify, 1)
			if err := s.Reload(config); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, warnings(t, s.Log()[before:])); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
