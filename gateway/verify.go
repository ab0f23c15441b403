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

// peers are the addresses of the proxies that may call verifyEndpoint.
type peers []netip.Prefix

// parsePeers reads them from the configuration.
func parsePeers(texts []string) (peers, error) {
	var all peers
	for _, text := range texts {
		peer, err := netip.ParsePrefix(text)
		if addr, bare := netip.ParseAddr(text); bare == nil && addr.Zone() == "" {
			peer, err = addr.Prefix(addr.BitLen())
		}
		switch {
		case err != nil || peer.Addr().Is4In6():
			return nil, configErrorf("verify: %q is no address or range; name those of your proxies, such as 10.0.0.0/8 or ::1", text)
		case peer.Bits() == 0:
			return nil, configErrorf("verify: %q is everybody; name the addresses of your proxies, who alone may ask", text)
		case peer != peer.Masked():
			return nil, configErrorf("verify: %q is an address within the range %s; write one of the two", text, peer.Masked())
		}
		all = append(all, peer)
	}
	return all, nil
}

// ServesVerify reports whether proxies may ask the gateway at verify.
func (g *Gateway) ServesVerify() bool { return len(g.peers) > 0 }

// sent reports whether a request comes from one of the proxies, by the connection's own address. Any
// client can write forwarded headers, and a unix socket has no address.
func (p peers) sent(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := remote.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p, func(peer netip.Prefix) bool { return peer.Contains(addr) })
}

// serveVerify answers with the headers that the upstream is to get. Every one that is the gateway's
// is there, empty where the user has none, so that the proxy that copies them overwrites what the
// client made up.
func (g *Gateway) serveVerify(x exchange) error {
	state := &identity.RequestState{Sent: identity.SentBy(x.r), Required: identity.StepUp{}.With(x.site.require)}
	if err := x.site.verify(x, state); err != nil {
		return err
	}
	given := http.Header{"Cookie": slices.Clone(state.Sent.Cookie)}
	g.cookies.Strip(given)
	given.Set("Cookie", strings.Join(given["Cookie"], "; "))
	if err := g.verifier.SetHeaders(given, state, &x.site.upstream); err != nil {
		return err
	}
	h := x.w.Header()
	noStore(h)
	g.verifier.EmptyHeaders(h)
	maps.Copy(h, given)
	h.Set("Itsme-Cache", "private") // of the answer that the proxy will pass on
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// verify decides as the site does, on the credential and what is required of it. It knows neither
// the method nor the path of the request that the proxy holds. It renews no cookie, because proxies
// drop the Set-Cookie of this answer, and it does not look for copied cookies.
func (s *Site) verify(x exchange, state *identity.RequestState) error {
	g := s.gateway
	c, err := g.verifier.Authenticate(x.r.Context(), state.Sent)
	switch {
	case errors.Is(err, identity.ErrCookie):
		g.cookies.Clear(x.w, g.cookies.Session)
		return identity.ErrNoCredential
	case errors.Is(err, identity.ErrAmbiguous):
		// Proxies know what a 401 means, and take a 400 for trouble of their own.
		return wrap(identity.ErrToken, err.Error())
	case err != nil:
		return err
	}
	if c.Kind == store.Browser && mayWrite(x.r) && !sameOrigin(x.r, g.config.PublicURL) {
		return errCrossSite
	}
	state.Credential = c
	return s.require.Check(c, state.Required, g.now())
}

// mayWrite reports whether the request that a proxy holds may do more than read. Some proxies ask
// with GET whatever its method is. But browsers send Origin with every method but GET and HEAD, and
// with a WebSocket's handshake (Fetch, "append a request Origin header").
func mayWrite(r *http.Request) bool { return changesSomething(r) || len(r.Header["Origin"]) > 0 }
