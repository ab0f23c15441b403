package gateway

import (
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
	"github.com/caddy-itsme/caddy-itsme/store"
)

// proxyRanges holds the addresses of the proxies that may call verifyEndpoint.
type proxyRanges []netip.Prefix

// parseProxyRanges reads the addresses from the configuration.
func parseProxyRanges(texts []string) (proxyRanges, error) {
	var all proxyRanges
	for _, text := range texts {
		peer, err := netip.ParsePrefix(text)
		if addr, bare := netip.ParseAddr(text); bare == nil && addr.Zone() == "" {
			peer, err = addr.Prefix(addr.BitLen())
		}
		switch {
		case err != nil || peer.Addr().Is4In6():
			return nil, configErrorf("verify: %q is not an address or range; list those of your proxies, such as 10.0.0.0/8 or ::1", text)
		case peer.Bits() == 0:
			return nil, configErrorf("verify: %q covers every address; list only the addresses of your proxies", text)
		case peer != peer.Masked():
			return nil, configErrorf("verify: %q is an address within the range %s; write one of the two", text, peer.Masked())
		}
		all = append(all, peer)
	}
	return all, nil
}

// ServesVerify reports whether the gateway has the endpoint verify.
func (g *Gateway) ServesVerify() bool { return len(g.verifyProxies) > 0 }

// contain reports whether a request comes from one of the proxies, by the connection's own address. Any
// client can write forwarded headers. A unix socket has no address.
func (p proxyRanges) contain(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := remote.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p, func(peer netip.Prefix) bool { return peer.Contains(addr) })
}

// serveVerify answers with the headers for the upstream. The answer has every header of the gateway, empty
// where the user has no value. The proxy copies them, and so overwrites headers that the client sent.
func (g *Gateway) serveVerify(x exchange) error {
	state := &identity.RequestState{Sent: x.site.forwardedCredentials(x), Required: identity.StepUp{}.With(x.site.require)}
	if err := x.site.verify(x, state); err != nil {
		return err
	}
	given := http.Header{"Cookie": slices.Clone(state.Sent.Cookie)}
	g.cookies.Strip(given)
	given.Set("Cookie", strings.Join(given["Cookie"], "; "))
	if err := g.guard.SetHeaders(x.r.Context(), given, state, &x.site.upstream); err != nil {
		return err
	}
	h := x.w.Header()
	noStore(h)
	g.guard.EmptyHeaders(h)
	maps.Copy(h, given)
	writeFreshNonce(h, state.Sent)
	h.Set("Itsme-Cache", "private") // for the answer that the proxy will pass on
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// verify decides as the site does, by the credential and the site's requirements. It knows neither the method
// nor the path of the request that the proxy holds. It renews no cookie and detects no copied cookie, because
// proxies drop the Set-Cookie of this answer.
func (s *Site) verify(x exchange, state *identity.RequestState) error {
	g := s.gateway
	c, err := g.guard.Authenticate(x.r.Context(), state.Sent)
	switch {
	case errors.Is(err, identity.ErrCookie):
		g.cookies.Clear(x.w, g.cookies.Session)
		return identity.ErrNoCredential
	case errors.Is(err, identity.ErrAmbiguous):
		// Proxies handle a 401. They read a 400 as a failure of their own.
		return wrap(identity.ErrToken, err.Error())
	case err != nil:
		return err
	}
	if c.Kind == store.Browser && mayWrite(x.r) && !sameOrigin(x.r, g.config.PublicURL) {
		return errCrossSite
	}
	state.Credential = c
	return s.require.Check(c, state.Required, g.config.Now())
}

// mayWrite reports whether the request that a proxy holds may do more than read. Some proxies call verify
// with GET, whatever the method of that request is. But browsers send Origin with every method but GET and
// HEAD, and with the handshake of a WebSocket (Fetch, "append a request Origin header").
func mayWrite(r *http.Request) bool { return unsafeRequest(r) || len(r.Header["Origin"]) > 0 }
