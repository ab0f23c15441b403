package gateway

import (
	"errors"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/gateway/internal/identity"
)

// errCrossSite is returned when a request with a cookie may come from another site.
var errCrossSite = errors.New("cross-site request")

// unsafeRequest reports whether a request may do more than read: by its method, or by opening a tunnel
// such as a WebSocket.
func unsafeRequest(r *http.Request) bool {
	return (r.Method != http.MethodGet && r.Method != http.MethodHead) || opensTunnel(r)
}

// sameOrigin reports whether a request that a cookie authenticates comes from the gateway's own origin.
// Browsers send Origin with every request that can change something.
//
// A form on a page with Referrer-Policy: no-referrer sends Origin: null (Fetch, "append a request Origin
// header"). So does a form in a sandboxed iframe, on a data: URL, or after a redirect across sites. But those
// have an opaque origin, which Fetch Metadata calls cross-site (section 2.2, "set Sec-Fetch-Site"). No script
// can set or remove either header. So null is accepted only together with Sec-Fetch-Site: same-origin.
func sameOrigin(r *http.Request, origin string) bool {
	own := equals(r.Header["Sec-Fetch-Site"], "same-origin")
	if len(r.Header["Origin"]) == 0 {
		return own
	}
	return equals(r.Header["Origin"], origin) || (own && equals(r.Header["Origin"], "null") && !opensTunnel(r))
}

// equals reports whether a header was sent exactly once with exactly this value.
func equals(lines []string, value string) bool { return len(lines) == 1 && lines[0] == value }

// opensTunnel reports whether a request asks for a WebSocket or another protocol, over HTTP/1.1 or HTTP/2
// (RFC 8441). The Origin of such a request from this origin is never null: no referrer policy applies to it.
func opensTunnel(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect
}

// methodOverrides are headers, folded, that some frameworks read as the request's method.
var methodOverrides = map[string]bool{"x-http-method": true, "x-http-method-override": true, "x-method-override": true}

// preflight reports whether a request is only a CORS preflight (Fetch, "CORS-preflight fetch"), which asks
// whether another request may be sent. It has no body, opens no tunnel, and overrides no method.
func preflight(r *http.Request) bool {
	if r.Method != http.MethodOptions || r.ContentLength != 0 || len(r.TransferEncoding) > 0 || opensTunnel(r) {
		return false
	}
	for name := range r.Header {
		if methodOverrides[identity.Fold(name)] {
			return false
		}
	}
	return len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1
}
