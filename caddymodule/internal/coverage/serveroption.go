package coverage

import (
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/proxyprotocol"
)

// options returns the findings about server options that weaken itsme on the server's sites.
func (w *walk) options() (found []Finding) {
	var sites []string
	verify := false
	for _, p := range w.handlers {
		if site := describe(w.server, p.conditions[:min(1, len(p.conditions))]); !slices.Contains(sites, site) {
			sites = append(sites, site)
		}
		verify = verify || p.handler.Gateway.ServesVerify()
	}
	slices.Sort(sites)
	add := func(name Name, problem string) {
		found = append(found, Finding{Name: name, Site: strings.Join(sites, " "), Problem: problem})
	}
	if w.server.Logs != nil && w.server.Logs.ShouldLogCredentials {
		add(LogCredentials, "log_credentials writes every bearer token and cookie into the access log")
	}
	if w.server.TrustedProxiesStrict == 0 && trustsProxies(w.server) && readsForwardedFor(w.server) {
		add(TrustedProxiesLenient, "trusted_proxies without trusted_proxies_strict lets a client choose its own address in X-Forwarded-For, and limits count clients by that address")
	}
	if verify && speaksProxyProtocol(w.server) {
		add(VerifyProxyProtocol, "the listener wrapper proxy_protocol replaces the address of the connection, which verify compares with its list of proxies")
	}
	return found
}

// readsForwardedFor reports whether the client's address comes from X-Forwarded-For, to which each proxy
// adds an address.
func readsForwardedFor(server *caddyhttp.Server) bool {
	return slices.ContainsFunc(server.ClientIPHeaders, func(name string) bool { return strings.EqualFold(name, "X-Forwarded-For") })
}

// trustsProxies reports whether a server has trusted_proxies. Caddy drops the JSON of the module after
// loading it, and exports no field for it.
func trustsProxies(server *caddyhttp.Server) bool {
	field := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	return field.IsValid() && !field.IsNil()
}

// speaksProxyProtocol reports whether a server has the listener wrapper proxy_protocol. See
// trustsProxies.
func speaksProxyProtocol(server *caddyhttp.Server) bool {
	field := reflect.ValueOf(server).Elem().FieldByName("listenerWrappers")
	for i := 0; field.IsValid() && i < field.Len(); i++ {
		if field.Index(i).Elem().Type() == reflect.TypeFor[*proxyprotocol.ListenerWrapper]() {
			return true
		}
	}
	return false
}
