// Package request reads and writes values that Caddy keeps with a request: the client's address, the
// request before every rewrite, and the placeholders of the user.
package request

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
)

// proofVar keeps the result of the request's DPoP proof for every module on the request's way.
const proofVar = "itsme_dpop_proof"

// Info returns what Caddy knows about a request: the client, the method and the URL from before every rewrite, and the
// scheme and host that the client used, as far as a trusted proxy says so.
func Info(r *http.Request) gateway.RequestInfo {
	ctx := r.Context()
	info := gateway.RequestInfo{OriginalURL: r.URL, Client: clientIP(ctx)}
	if original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		info.OriginalURL, info.Method, info.Host = original.URL, original.Method, original.Host
	}
	if len(r.Header["Dpop"]) > 0 {
		info.Proof = checkedProof(ctx)
		forwarded(r, &info)
	}
	return info
}

// clientIP returns the client's address as Caddy determined it: behind trusted proxies, the address that
// they send. It returns the zero value if that is not an IP address; the gateway then uses the address of
// the connection.
func clientIP(ctx context.Context) netip.Addr {
	text, _ := caddyhttp.GetVar(ctx, caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// checkedProof returns the place for the result of the request's proof.
func checkedProof(ctx context.Context) *gateway.CheckedProof {
	if kept, ok := caddyhttp.GetVar(ctx, proofVar).(*gateway.CheckedProof); ok {
		return kept
	}
	made := new(gateway.CheckedProof)
	caddyhttp.SetVar(ctx, proofVar, made)
	return made
}

// forwarded takes the scheme and the host of a proxy in trusted_proxies. Several values describe no single request, so
// they count as another host.
func forwarded(r *http.Request, info *gateway.RequestInfo) {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); !trusted {
		return
	}
	if lines := r.Header["X-Forwarded-Proto"]; len(lines) > 0 {
		info.Scheme = strings.ToLower(strings.Join(lines, ","))
	}
	if lines := r.Header["X-Forwarded-Host"]; len(lines) > 0 {
		info.Host = strings.Join(lines, ",")
	}
}
